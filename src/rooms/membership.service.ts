/**
 * Membership and everything that follows from a change of it: the entry in the store, the record in the room's log, the
 * devices that hear the room no more, the counts, the end of an empty room. Membership belongs to users and outlives
 * their connections and the process.
 *
 * A change is in force at once and answered when it is committed. Entry and record are written in one turn of the event
 * loop, the entry first, so that they can share a commit. A join that cannot be saved has not happened; any other change
 * stays in force, is answered with the error and saved later (`RoomStore`).
 *
 * While a room has at most `announceMembersMax` members each join and leave is a record; above it only presence tells.
 * An empty room is deleted with its history and its bans: nobody is left whom they protect, and a later room of that
 * name has another epoch, so that it shows nothing of this one.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import type { RoomLog } from '../log/room-log.js'
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
import type { RoomKey } from './room-key.js'
import { banned } from './room-refusals.js'
import type { RoomRegistry } from './room-registry.js'
import type { RoomStore } from './room-store.js'
import { Room, type Person } from './room.js'
import type { LeftReason } from './rooms.contract.js'

const leaveReasons = {
  left: LeaveReason.Left,
  kicked: LeaveReason.Kicked,
  banned: LeaveReason.Banned,
} as const satisfies Record<LeftReason, LeaveReason>

const INCARNATION_BYTES = 6

interface MembershipParts {
  readonly registry: RoomRegistry
  readonly store: RoomStore
  readonly log: RoomLog
  readonly delivery: RoomDelivery
  readonly sessions: SessionsService
  readonly presence: Presence
  readonly settings: Settings
  readonly clock: Pick<Clock, 'now'>
}

/** The end of one membership. */
interface Ending {
  readonly reason: LeftReason
  /** What changes in the store, apart from the room's own entry. */
  readonly keys: readonly RoomKey[]
  /** Whether the room is told by a record. */
  readonly isAnnounced: boolean
}

export class MembershipService {
  constructor(private readonly parts: MembershipParts) {
    parts.sessions.onClosed((session) => this.sessionClosed(session))
  }

  /** Makes an empty room, which its founder must enter at once. Throws TOO_MANY_ROOMS, LOG_UNAVAILABLE. */
  found(id: RoomId, founder: UserId): Room {
    this.parts.store.refuseWhenBehind()
    const incarnation = randomBytes(INCARNATION_BYTES).readUIntBE(0, INCARNATION_BYTES)
    const room = new Room(id, { founder, createdAtMs: this.parts.clock.now(), incarnation })
    this.parts.registry.add(room)
    return room
  }

  /**
   * Idempotent; the room is open for `attach` afterwards. Resolves with the seq of the join record, if there is one:
   * what comes after it is for the newcomer, too. Throws BANNED, ROOM_FULL, and a `LogFault` for what cannot be saved.
   */
  async enter(room: Room, person: Person): Promise<Seq | undefined> {
    const { delivery, settings, clock, store } = this.parts
    if (room.standingOf(person.user) === 'stranger') store.refuseWhenBehind()
    const verdict = room.admit(person, clock.now(), settings.current.rooms.maxMembersPerRoom)
    switch (verdict) {
      case 'banned':
        throw banned(room.id)
      case 'full':
        throw new NestwireException(ErrorCode.RoomFull, `${room.id} has as many members as it may`)
      case 'joined':
        this.parts.presence.changed(room)
        return this.saveJoin(room, person)
      case 'already':
        await Promise.all([store.settled([memberKey(room.id, person.user)]), delivery.open(room.id)])
        return undefined
      default:
        return unreachable(verdict)
    }
  }

  /** Ends the membership on all devices of the user; false if there is none, as in a room that is gone. */
  async end(id: RoomId, user: UserId, reason: LeftReason): Promise<boolean> {
    const { registry, store } = this.parts
    const room = registry.get(id)
    const keys = [memberKey(id, user)]
    if (room?.member(user) === undefined) {
      await store.settled(keys)
      return false
    }
    store.refuseWhenFull()
    await this.endNow(room, user, { reason, keys, isAnnounced: this.isSmall(room) })
    return true
  }

  /** Bars the way back in, and ends the membership if there is one; false if it was so already. Throws ROOM_FULL. */
  async ban(room: Room, user: UserId): Promise<boolean> {
    const { store } = this.parts
    store.refuseWhenFull()
    const verdict = room.ban(user)
    const keys = [banKey(room.id, user), memberKey(room.id, user)]
    switch (verdict) {
      case 'full':
        throw new NestwireException(ErrorCode.RoomFull, `${room.id} has as many bans as it may`)
      case 'banned':
        if (room.member(user) === undefined) await store.save(keys.slice(0, 1))
        else await this.endNow(room, user, { reason: 'banned', keys, isAnnounced: this.isSmall(room) })
        return true
      case 'already':
        await store.settled(keys)
        return false
      default:
        return unreachable(verdict)
    }
  }

  /** False if the user was not banned. */
  async unban(room: Room, user: UserId): Promise<boolean> {
    const { store } = this.parts
    store.refuseWhenFull()
    const keys = [banKey(room.id, user)]
    const isLifted = room.unban(user) === 'unbanned'
    await (isLifted ? store.save(keys) : store.settled(keys))
    return isLifted
  }

  /** This device will hear the room; `attach` it once the room is open. */
  arrive(room: Room, session: Session): void {
    if (session.rooms.has(room.id)) return
    session.rooms.add(room.id)
    room.deviceArrived(session.principal.user)
    this.parts.presence.changed(room)
  }

  private async saveJoin(room: Room, person: Person): Promise<Seq | undefined> {
    const { log, store } = this.parts
    const member = room.member(person.user)
    const isFounding = room.memberCount === 1
    const key = memberKey(room.id, person.user)
    try {
      const [, , seq] = await Promise.all([
        store.save(isFounding ? [roomKey(room.id), key] : [key]),
        // There may be an earlier room of that name: one that a crash or a broken disk kept from being deleted.
        isFounding ? log.deleteRoom(room.id) : undefined,
        this.announceJoin(room, person),
      ])
      return seq
    } catch (error) {
      // A join that was not saved must not have happened. If that cannot be saved either, it is later.
      const ending = { reason: 'left', keys: [key], isAnnounced: false } as const
      if (room.member(person.user) === member) await this.endNow(room, person.user, ending).catch(() => undefined)
      throw error
    }
  }

  /** Opens the room for `attach` in any case. */
  private async announceJoin(room: Room, { user, username }: Person): Promise<Seq | undefined> {
    const { delivery } = this.parts
    if (this.isSmall(room)) {
      const record = { kind: RecordKind.Join, sender: user, body: Buffer.from(username) }
      return (await delivery.append(room.id, record, 'notice')).seq
    }
    await delivery.open(room.id)
    return undefined
  }

  private async endNow(room: Room, user: UserId, { reason, keys, isAnnounced }: Ending): Promise<void> {
    const { delivery, store } = this.parts
    const { owner } = room
    this.remove(room, user, reason)
    if (room.memberCount === 0) return this.delete(room, keys)
    const record = { kind: RecordKind.Leave, sender: user, body: Buffer.of(leaveReasons[reason]) }
    await Promise.all([
      store.save(room.owner === owner ? keys : [...keys, roomKey(room.id)]),
      isAnnounced ? delivery.append(room.id, record, 'notice') : undefined,
    ])
  }

  private isSmall(room: Room): boolean {
    return room.memberCount <= this.parts.settings.current.rooms.announceMembersMax
  }

  private remove(room: Room, user: UserId, reason: LeftReason): void {
    room.remove(user)
    const frame = encodeRoomEvent('rooms.left', { room: room.id, reason })
    for (const { rooms, connection } of this.parts.sessions.of(user)) {
      if (rooms.delete(room.id)) this.parts.delivery.detach(room.id, connection)
      // Who is being resumed is told by RESUMED, which nothing comes before.
      if (!connection.isActive) continue
      // The one thing about a room that no log holds and a device must not miss.
      if (connection.offer(frame) === 'full') connection.close(CloseCode.SlowConsumer, 'no room for a notice')
    }
    this.parts.presence.changed(room)
  }

  private async delete(room: Room, keys: readonly RoomKey[]): Promise<void> {
    const { registry, presence, store, delivery } = this.parts
    registry.delete(room)
    presence.forget(room)
    await Promise.all([store.save([roomKey(room.id), ...keys]), delivery.deleteRoom(room.id)])
    await store.clear(room)
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

const roomKey = (room: RoomId): RoomKey => ['room', room]
const memberKey = (room: RoomId, user: UserId): RoomKey => ['member', room, user]
const banKey = (room: RoomId, user: UserId): RoomKey => ['ban', room, user]
