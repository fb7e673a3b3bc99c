/**
 * The rooms of a session that came back: which of those it names it still belongs to, where it stands in each, and what
 * it missed. The answer is put together first (`survey`); deliveries begin behind it (`RoomsToResume.attach`).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { ROOM_LOG } from '../log/room-log.token.js'
import type { RoomHead, RoomLog } from '../log/room-log.js'
import { NO_SEQ, trustedEpoch, type RoomId, type Seq } from '../protocol/ids.js'
import { CloseCode } from '../protocol/close-codes.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { GapReason, ResumeOutcome, type ResumedRoom, type RoomPosition } from '../protocol/packets.js'
import type { Session } from '../sessions/session.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { MembershipService } from './membership.service.js'
import { RoomPolicy } from './room-policy.js'
import { RoomRegistry } from './room-registry.js'
import type { Room } from './room.js'

/** Looked at without a pause; each may take a read of the log. */
const ROOMS_PER_TURN = 16
/** Everything in RESUMED but the rooms, with names of 128 bytes. */
const GRANT_RESERVE_BYTES = 1024
/** One room in RESUMED, without its name. */
const ROOM_BYTES = 26

/** A room of which a RESUMED says nothing must be joined again. */
export interface RoomsToResume {
  /**
   * For RESUMED, by who belongs to what at this moment: who was removed since the survey would never be told again. A room
   * that does not fit a frame or the connection is left out.
   */
  answer(): readonly ResumedRoom[]
  /** Deliveries begin as the answer says, and GAPs are told. Call it when RESUMED is queued. */
  attach(): void
}

/** Judged once: what RESUMED says of a room is what comes of it, whatever is logged meanwhile. */
interface SurveyedRoom {
  readonly resumed: ResumedRoom
  /** Why deliveries do not begin where the client stands. A log that forgets needs none: whoever reads it finds out. */
  readonly gap?: GapReason
}

@Injectable()
export class RoomResumption {
  /** Rooms of which a client was told that it cannot go on where it stood. */
  gaps = 0

  constructor(
    private readonly registry: RoomRegistry,
    private readonly memberships: MembershipService,
    private readonly policy: RoomPolicy,
    private readonly sessions: SessionsService,
    private readonly delivery: RoomDelivery,
    @Inject(ROOM_LOG) private readonly log: RoomLog,
    private readonly settings: Settings,
  ) {}

  /** Never rejects: what cannot be read now is left out. Of a room that is named twice the first position counts. */
  async survey(session: Session, positions: readonly RoomPosition[]): Promise<RoomsToResume> {
    const rooms = new Map<RoomId, SurveyedRoom>()
    let roomLeft = this.settings.current.transport.maxFrameBytes - GRANT_RESERVE_BYTES
    for (const [index, position] of positions.entries()) {
      if (index % ROOMS_PER_TURN === ROOMS_PER_TURN - 1) await nextTurn()
      const bytes = ROOM_BYTES + Buffer.byteLength(position.room)
      if (rooms.has(position.room) || bytes > roomLeft) continue
      const surveyed = await this.look(session, position).catch(() => undefined)
      if (surveyed === undefined) continue
      roomLeft -= bytes
      rooms.set(position.room, surveyed)
    }
    for (const room of rooms.keys()) {
      // Reading may have taken longer than a room stays open that nobody hears.
      if (session.rooms.has(room)) await this.delivery.open(room).catch(() => rooms.delete(room))
    }
    return {
      answer: () =>
        [...rooms].map(([room, { resumed }]) => (session.rooms.has(room) ? resumed : notAMember(room).resumed)),
      attach: () => this.attach(session, [...rooms.values()]),
    }
  }

  private async look(session: Session, position: RoomPosition): Promise<SurveyedRoom | undefined> {
    if (this.roomOf(session, position.room) === undefined) return notAMember(position.room)
    if (session.rooms.size >= this.settings.current.transport.maxRoomsPerConnection) return undefined
    await this.delivery.open(position.room)
    const surveyed = await this.standing(position, await this.headFor(position))
    // The membership or the connection may have ended meanwhile.
    const room = this.roomOf(session, position.room)
    if (room === undefined) return notAMember(position.room)
    if (this.sessions.get(session.id) !== session) return undefined
    this.memberships.arrive(room, session)
    return surveyed
  }

  /** The room, if the session's user may hear it as a member. */
  private roomOf({ principal }: Session, id: RoomId): Room | undefined {
    const room = this.registry.get(id)
    if (room?.member(principal.user) === undefined) return undefined
    return this.policy.mayJoin(principal, id, room.standingOf(principal.user)) ? room : undefined
  }

  /** As far as was heard here. Who heard more at another node is judged by the log. */
  private async headFor({ room, epoch, seq: from }: RoomPosition): Promise<RoomHead> {
    const heard = this.delivery.head(room)
    return epoch === heard.epoch && from > heard.seq ? this.log.head(room) : heard
  }

  private async standing({ room, epoch, seq: from }: RoomPosition, head: RoomHead): Promise<SurveyedRoom> {
    if (epoch !== head.epoch || from > head.seq) {
      const gap = epoch === head.epoch ? GapReason.AheadOfLog : GapReason.EpochChanged
      return { resumed: { room, epoch: head.epoch, from: head.seq, to: head.seq, outcome: ResumeOutcome.Gap }, gap }
    }
    const isWhole = from === head.seq || (await this.hasNext(room, from))
    const outcome = isWhole ? ResumeOutcome.Whole : ResumeOutcome.Gap
    return { resumed: { room, epoch, from, to: head.seq, outcome } }
  }

  /** Whether the log still has the record that comes after this one. */
  private async hasNext(room: RoomId, seq: Seq): Promise<boolean> {
    const [next] = await this.log.readAfter(room, seq, { maxRecords: 1, maxBytes: 0 })
    return next?.prev === seq
  }

  private attach({ rooms, connection }: Session, surveyed: readonly SurveyedRoom[]): void {
    for (const { resumed, gap } of surveyed) {
      const { room, epoch, from: to } = resumed
      if (!rooms.has(room)) continue
      if (gap !== undefined) {
        const from = gap === GapReason.AheadOfLog ? to : NO_SEQ
        const verdict = connection.offer(encodePacket({ kind: 'gap', room, epoch, from, to, reason: gap }))
        this.gaps += 1
        if (verdict === 'full') return connection.close(CloseCode.SlowConsumer, 'no room for a gap')
      }
      this.delivery.attach(room, connection, to)
    }
  }
}

const notAMember = (room: RoomId): SurveyedRoom => ({
  resumed: { room, epoch: trustedEpoch(0), from: NO_SEQ, to: NO_SEQ, outcome: ResumeOutcome.NotAMember },
})
