/**
 * Brings memory to what the store says of rooms, where other nodes write to it, too. One rule: memory and store say the
 * same of an entry unless a write of this node is on its way; that one is the last word, and when it is settled the entry
 * is looked at again. So every node comes to the same, in whatever order things arrive.
 */
import { Logger } from '@nestjs/common'
import type { RoomOwnership } from '../log/room-ownership.js'
import type { SharedStateStore, StateChange, StateKey } from '../log/state-store.js'
import { parseRoomId, parseUserId, type RoomId, type UserId } from '../protocol/ids.js'
import { decodeLeftReason } from './left-reason.js'
import type { MembershipService } from './membership.service.js'
import type { Presence } from './presence.js'
import type { RoomKey } from './room-key.js'
import type { RoomRegistry } from './room-registry.js'
import type { RoomStore } from './room-store.js'
import {
  decodeBanValue,
  decodeMemberValue,
  decodeRoomValue,
  UnreadableValue,
  type MemberValue,
  type RoomValue,
} from './room-values.js'
import { Room } from './room.js'
import type { LeftReason } from './rooms.contract.js'
import type { SharedRoomEnds } from './shared-room-ends.js'

interface ReplicaParts {
  readonly state: SharedStateStore
  readonly registry: RoomRegistry
  readonly store: RoomStore
  readonly memberships: MembershipService
  readonly ends: SharedRoomEnds
  readonly presence: Presence
  readonly ownership: RoomOwnership
}

export class RoomReplica {
  private readonly logger = new Logger('Rooms')
  private stopWatching: () => void = () => undefined
  private hasWarned = false

  constructor(private readonly parts: ReplicaParts) {}

  /** From here on changes are followed. */
  follow(): void {
    const { state, store } = this.parts
    this.stopWatching = state.watch((change) => this.changed(change))
    store.onSettled((key) => this.followEntry(key))
  }

  /** After the rooms were loaded: what is empty or closing is seen to. */
  loaded(): void {
    for (const room of this.parts.registry) this.parts.ends.look(room)
  }

  async close(): Promise<void> {
    this.stopWatching()
    await this.parts.ends.stop()
  }

  private changed({ key, note, isOwn }: StateChange): void {
    const roomKey = toRoomKey(key)
    if (roomKey === undefined) return
    // Memory knew of it first, and `onSettled` looks at what came of it.
    if (isOwn && roomKey[0] !== 'room') return
    this.followEntry(roomKey, decodeLeftReason(note))
  }

  /** `reason` is why, if a membership is gone. */
  private followEntry(key: RoomKey, reason: LeftReason = 'left'): void {
    if (this.parts.store.isUnsettled(key)) return
    try {
      const [table, id, user] = key
      if (table === 'room') this.followRoom(id)
      else if (table === 'member') this.followMember(id, user, reason)
      else this.followBan(id, user)
    } catch (error) {
      if (!(error instanceof UnreadableValue)) throw error
      if (!this.hasWarned)
        this.logger.warn(`an entry of another version is left alone: ${key.join(' ')}: ${error.message}`)
      this.hasWarned = true
    }
  }

  /** The store says of the room what it says, whether or not a write of this node is on its way. */
  followRoom(id: RoomId): void {
    const { state, registry, ends } = this.parts
    const value = state.current(['room', id])
    const known = registry.get(id)
    if (value === undefined) {
      // One that this node is founding is not there yet.
      if (known?.isSaved === true) this.gone(known)
      return
    }
    const saved = decodeRoomValue(value)
    const room = known ?? this.appeared(id, saved)
    if (room.incarnation !== saved.incarnation) this.refounded(room, saved)
    else room.own(saved.owner)
    room.isSaved = true
    room.isClosing = saved.closing !== undefined
    ends.look(room)
  }

  private followMember(id: RoomId, user: UserId, reason: LeftReason): void {
    const { registry, ends } = this.parts
    const room = registry.get(id)
    if (room === undefined) return
    const value = this.membershipIn(room, user)
    if (value !== undefined) this.place(room, user, value)
    else {
      this.remove(room, user, reason)
      this.clear(room, user)
    }
    ends.look(room)
  }

  private followBan(id: RoomId, user: UserId): void {
    const { registry, ends } = this.parts
    const room = registry.get(id)
    if (room === undefined) return
    if (this.isBannedIn(room, user)) room.ban(user)
    else room.unban(user)
    if (!this.isUnsettled(['member', id, user])) this.followMember(id, user, 'banned')
    else if (room.isBanned(user)) this.remove(room, user, 'banned')
    ends.look(room)
  }

  /** A membership that a ban of another node has overtaken is an entry that means nothing. */
  private clear(room: Room, user: UserId): void {
    const { state, ownership } = this.parts
    const key = ['member', room.id, user] as const
    const value = state.current(key)
    if (value === undefined || !room.isBanned(user) || !ownership.isMine(room.id)) return
    // If it cannot be removed now, it goes with the room.
    state.replace(key, value, undefined).catch(() => undefined)
  }

  private appeared(id: RoomId, { owner, createdAtMs, incarnation }: RoomValue): Room {
    const room = new Room(id, { founder: owner, createdAtMs, incarnation })
    this.parts.registry.adopt(room)
    this.populate(room)
    return room
  }

  /** Another node was faster, or the room was deleted and founded anew while this one did not hear of it. */
  private refounded(room: Room, { owner, createdAtMs, incarnation }: RoomValue): void {
    room.refound({ founder: owner, createdAtMs, incarnation })
    for (const user of room.bans()) {
      if (!this.isUnsettled(['ban', room.id, user]) && !this.isBannedIn(room, user)) room.unban(user)
    }
    for (const user of room.memberIds()) {
      if (!this.isUnsettled(['member', room.id, user]) && this.membershipIn(room, user) === undefined) {
        this.remove(room, user, 'left')
      }
    }
    this.populate(room)
    room.own(owner)
  }

  /** What came before the room did. */
  private populate(room: Room): void {
    const { state } = this.parts
    for (const { key } of [...state.currentEntries(['ban', room.id]), ...state.currentEntries(['member', room.id])]) {
      const roomKey = toRoomKey(key)
      if (roomKey === undefined || roomKey[0] === 'room' || this.isUnsettled(roomKey)) continue
      const [table, , user] = roomKey
      const membership = table === 'member' ? this.membershipIn(room, user) : undefined
      if (membership !== undefined) this.place(room, user, membership)
      else if (table === 'ban' && this.isBannedIn(room, user)) room.ban(user)
    }
  }

  private gone(room: Room): void {
    const { registry, presence, ends } = this.parts
    for (const user of room.memberIds()) {
      if (!this.isUnsettled(['member', room.id, user])) this.remove(room, user, 'left')
    }
    registry.delete(room)
    presence.forget(room)
    ends.forget(room)
  }

  private place(room: Room, user: UserId, member: MemberValue): void {
    room.place(user, member)
    this.parts.presence.changed(room)
  }

  private remove(room: Room, user: UserId, reason: LeftReason): void {
    const { memberships, ownership } = this.parts
    if (room.member(user) === undefined) return
    memberships.ended(room, user, reason)
    // Two may have left at once on two nodes, of which one named the other as the next owner.
    if (room.isOwnerGone && ownership.isMine(room.id)) memberships.passOwnership(room)
  }

  private membershipIn(room: Room, user: UserId): MemberValue | undefined {
    const value = this.parts.state.current(['member', room.id, user])
    if (value === undefined || room.isBanned(user)) return undefined
    const member = decodeMemberValue(value)
    return member.incarnation === room.incarnation ? member : undefined
  }

  private isBannedIn(room: Room, user: UserId): boolean {
    const value = this.parts.state.current(['ban', room.id, user])
    return value !== undefined && decodeBanValue(value).incarnation === room.incarnation
  }

  private isUnsettled(key: RoomKey): boolean {
    return this.parts.store.isUnsettled(key)
  }
}

function toRoomKey([table, roomName, userName]: StateKey): RoomKey | undefined {
  const room = parseRoomId(roomName ?? '')
  if (room === undefined) return undefined
  if (table === 'room') return [table, room]
  const user = parseUserId(userName ?? '')
  return user !== undefined && (table === 'member' || table === 'ban') ? [table, room, user] : undefined
}
