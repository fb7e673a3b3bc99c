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
 * An empty room is deleted with its history and its bans (`RoomEnds`): nobody is left whom they protect, and a later room
 * of that name has another epoch, so that it shows nothing of this one.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import { CloseCode } from '../protocol/close-codes.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, Seq, UserId } from '../protocol/ids.js'
import { RecordKind } from '../protocol/packets.js'
import type { Session } from '../sessions/session.js'
import type { SessionsService } from '../sessions/sessions.service.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { unreachable } from '../unreachable.js'
import type { Presence } from './presence.js'
import type { RoomEnds } from './room-ends.js'
import { encodeLeftReason } from './left-reason.js'
import { encodeRoomEvent } from './room-event.js'
import type { RoomKey } from './room-key.js'
import { banned, RoomIsGone } from './room-refusals.js'
import type { RoomRegistry } from './room-registry.js'
import type { RoomStore } from './room-store.js'
import { encodeMemberValue } from './room-values.js'
import type { Removal } from './room-writes.js'
import { Room, type Person } from './room.js'
import type { LeftReason } from './rooms.contract.js'

const INCARNATION_BYTES = 6

interface MembershipParts {
  readonly registry: RoomRegistry
  readonly store: RoomStore
  readonly ends: RoomEnds
  readonly delivery: RoomDelivery
  readonly sessions: SessionsService
  readonly presence: Presence
  readonly settings: Settings
  readonly clock: Pick<Clock, 'now'>
}

/** The end of one membership. */
interface Ending {
  /** `undefined`: nobody is told. */
  readonly reason: LeftReason | undefined
  /** What changes in the store, apart from the room's own entry. */
  readonly keys: readonly RoomKey[]
  /** Whether the room is told by a record. */
  readonly isAnnounced: boolean
  /** It was not saved and so has never begun: another one of the same user, by another node, is not meant. */
  readonly isUndone?: boolean
}

export class MembershipService {
  /** Joins and leaves that were no records, for the room was too large. */
  unannounced = 0

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
   * Idempotent; open the room for `attach` afterwards. Resolves with the seq of the join record, if there is one: what
   * comes after it is for the newcomer, too. Throws BANNED, ROOM_FULL, and a `LogFault` for what cannot be saved.
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

  /** `undefined`: whoever wants to enter need not wait. */
  whenOpen(id: RoomId): Promise<void> | undefined {
    return this.parts.ends.whenOpen(this.parts.registry.get(id))
  }

  /** It has ended by what another node did. */
  ended(room: Room, user: UserId, reason: LeftReason): void {
    room.drop(user)
    this.silence(room, user, reason)
  }

  /** Whoever owned the room has left, and the node that knew could not say who does now. */
  passOwnership(room: Room): void {
    room.own(room.owner)
    // If it cannot be saved now, it is later.
    this.parts.store.save([roomKey(room.id)]).catch(() => undefined)
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
        // Who is no member as far as this node knows may be about to be one on another.
        if (room.member(user) === undefined)
          await store.save(keys, removalOf(room, user, { reason: 'banned', isExact: false }))
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
    const { ends, store } = this.parts
    const member = room.member(person.user)
    const isFounding = room.memberCount === 1
    const key = memberKey(room.id, person.user)
    try {
      const [, , seq] = await Promise.all([
        store.save(isFounding ? [roomKey(room.id), key] : [key]),
        isFounding ? ends.clearBefore(room) : undefined,
        this.announceJoin(room, person),
      ])
      await ends.confirm(room, person.user)
      return seq
    } catch (error) {
      // A join that was not saved must not have happened. If that cannot be saved either, it is later.
      const reason = error instanceof RoomIsGone ? undefined : 'left'
      const ending: Ending = { reason, keys: [key], isAnnounced: false, isUndone: true }
      if (room.member(person.user) === member) await this.endNow(room, person.user, ending).catch(() => undefined)
      throw error
    }
  }

  /** Where there is nothing to announce, the room is opened at least: a room that cannot be heard is not joined. */
  private async announceJoin(room: Room, { user, username }: Person): Promise<Seq | undefined> {
    const { delivery } = this.parts
    if (this.isSmall(room)) {
      const record = { kind: RecordKind.Join, sender: user, body: Buffer.from(username) }
      return (await delivery.append(room.id, record, 'notice')).seq
    }
    this.unannounced += 1
    await delivery.open(room.id)
    return undefined
  }

  private async endNow(
    room: Room,
    user: UserId,
    { reason, keys, isAnnounced, isUndone = false }: Ending,
  ): Promise<void> {
    const { delivery, store, ends } = this.parts
    const { owner } = room
    const removal = removalOf(room, user, { reason, isExact: isUndone })
    room.remove(user)
    this.silence(room, user, reason)
    if (room.memberCount === 0) return ends.end(room, keys, removal)
    if (!isAnnounced && !isUndone) this.unannounced += 1
    const record = { kind: RecordKind.Leave, sender: user, body: removal.note }
    const saved = store.save(room.owner === owner ? keys : [...keys, roomKey(room.id)], removal)
    if (isAnnounced) {
      const known = ends.inForce(saved, memberKey(room.id, user))
      if (known !== undefined) await known
    }
    await Promise.all([saved, isAnnounced ? delivery.append(room.id, record, 'notice') : undefined])
  }

  private isSmall(room: Room): boolean {
    return room.memberCount <= this.parts.settings.current.rooms.announceMembersMax
  }

  private silence(room: Room, user: UserId, reason: LeftReason | undefined): void {
    const frame = reason && encodeRoomEvent('rooms.left', { room: room.id, reason })
    for (const { rooms, connection } of this.parts.sessions.of(user)) {
      if (rooms.delete(room.id)) this.parts.delivery.detach(room.id, connection)
      // Who is being resumed is told by RESUMED, which nothing comes before.
      if (!connection.isActive || frame === undefined) continue
      // The one thing about a room that no log holds and a device must not miss.
      if (connection.offer(frame) === 'full') connection.close(CloseCode.SlowConsumer, 'no room for a notice')
    }
    this.parts.presence.changed(room)
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

function removalOf(
  room: Room,
  user: UserId,
  { reason = 'left', isExact }: { readonly reason: LeftReason | undefined; readonly isExact: boolean },
): Removal {
  const member = room.member(user)
  const ended = member && encodeMemberValue({ ...member, incarnation: room.incarnation })
  return { note: encodeLeftReason(reason), ended, isExact }
}

const roomKey = (room: RoomId): RoomKey => ['room', room]
const memberKey = (room: RoomId, user: UserId): RoomKey => ['member', room, user]
const banKey = (room: RoomId, user: UserId): RoomKey => ['ban', room, user]
