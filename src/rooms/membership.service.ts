/**
 * Membership and everything that follows from a change of it: the record in the room's log, the devices that hear the
 * room no more, the counts, the end of an empty room. Membership belongs to users and outlives their connections.
 *
 * While a room has at most `announceMembersMax` members each join and leave is a record; above it only presence tells.
 * An empty room is deleted with its history and its bans: nobody is left whom they protect, and a later room of that
 * name has another epoch, so that it shows nothing of this one.
 */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import { CloseCode } from '../protocol/close-codes.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, Seq, UserId } from '../protocol/ids.js'
import { LeaveReason, RecordKind } from '../protocol/packets.js'
import type { Session } from '../sessions/session.js'
import type { SessionsService } from '../sessions/sessions.service.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { unreachable } from '../unreachable.js'
import type { Presence } from './presence.js'
import { encodeRoomEvent } from './room-event.js'
import { banned } from './room-refusals.js'
import type { RoomRegistry } from './room-registry.js'
import { Room, type Person } from './room.js'
import type { LeftReason } from './rooms.contract.js'

const leaveReasons = {
  left: LeaveReason.Left,
  kicked: LeaveReason.Kicked,
  banned: LeaveReason.Banned,
} as const satisfies Record<LeftReason, LeaveReason>

interface MembershipParts {
  readonly registry: RoomRegistry
  readonly delivery: RoomDelivery
  readonly sessions: SessionsService
  readonly presence: Presence
  readonly settings: Settings
  readonly clock: Pick<Clock, 'now'>
}

export class MembershipService {
  constructor(private readonly parts: MembershipParts) {
    parts.sessions.onClosed((session) => this.sessionClosed(session))
  }

  /** Makes an empty room, which its founder must enter at once. Throws TOO_MANY_ROOMS. */
  found(id: RoomId, founder: UserId): Room {
    const room = new Room(id, founder, this.parts.clock.now())
    this.parts.registry.add(room)
    return room
  }

  /**
   * Idempotent; the room is open for `attach` afterwards. Resolves with the seq of the join record, if there is one:
   * what comes after it is for the newcomer, too. Throws BANNED, ROOM_FULL.
   */
  async enter(room: Room, person: Person): Promise<Seq | undefined> {
    const { delivery, settings, clock } = this.parts
    const { maxMembersPerRoom, announceMembersMax } = settings.current.rooms
    const verdict = room.admit(person, clock.now(), maxMembersPerRoom)
    switch (verdict) {
      case 'banned':
        throw banned(room.id)
      case 'full':
        throw new NestwireException(ErrorCode.RoomFull, `${room.id} has as many members as it may`)
      case 'joined':
        this.parts.presence.changed(room)
        if (room.memberCount <= announceMembersMax) return this.announceJoin(room, person)
        break
      case 'already':
        break
      default:
        unreachable(verdict)
    }
    await delivery.open(room.id)
    return undefined
  }

  /** Ends the membership on all devices of the user; false if there was none. */
  async end(room: Room, user: UserId, reason: LeftReason): Promise<boolean> {
    const isAnnounced = room.memberCount <= this.parts.settings.current.rooms.announceMembersMax
    if (!this.remove(room, user, reason)) return false
    if (room.memberCount === 0) await this.delete(room)
    else if (isAnnounced) {
      const body = Buffer.of(leaveReasons[reason])
      await this.parts.delivery.append(room.id, { kind: RecordKind.Leave, sender: user, body }, 'notice')
    }
    return true
  }

  /** This device will hear the room; `attach` it once the room is open. */
  arrive(room: Room, session: Session): void {
    if (session.rooms.has(room.id)) return
    session.rooms.add(room.id)
    room.deviceArrived(session.principal.user)
    this.parts.presence.changed(room)
  }

  private async announceJoin(room: Room, { user, username }: Person): Promise<Seq> {
    const body = Buffer.from(username)
    try {
      return (await this.parts.delivery.append(room.id, { kind: RecordKind.Join, sender: user, body }, 'notice')).seq
    } catch (error) {
      // A join that the log does not know must not have happened.
      if (this.remove(room, user, 'left') && room.memberCount === 0) await this.delete(room)
      throw error
    }
  }

  private remove(room: Room, user: UserId, reason: LeftReason): boolean {
    if (room.remove(user) === 'absent') return false
    const frame = encodeRoomEvent('rooms.left', { room: room.id, reason })
    for (const { rooms, connection } of this.parts.sessions.of(user)) {
      if (rooms.delete(room.id)) this.parts.delivery.detach(room.id, connection)
      // The one thing about a room that no log holds and a device must not miss.
      if (connection.offer(frame) === 'full') connection.close(CloseCode.SlowConsumer, 'no room for a notice')
    }
    this.parts.presence.changed(room)
    return true
  }

  private delete(room: Room): Promise<void> {
    this.parts.registry.delete(room)
    this.parts.presence.forget(room)
    return this.parts.delivery.deleteRoom(room.id)
  }

  private sessionClosed(session: Session): void {
    for (const id of session.rooms) {
      this.parts.delivery.detach(id, session.connection)
      const room = this.parts.registry.get(id)
      if (room === undefined) continue
      room.deviceLeft(session.principal.user)
      this.parts.presence.changed(room)
    }
    session.rooms.clear()
  }
}
