/**
 * One room: who belongs to it, who must not, and which members are connected. Pure: no log, no sockets, no clock.
 * A room has one owner, its founder; when the owner leaves, the member of longest standing follows.
 */
import type { RoomId, UserId } from '../protocol/ids.js'
import { SortedNames } from './sorted-names.js'

export const MAX_BANS_PER_ROOM = 10_000

/** What a user is to a room. */
export type Standing = 'owner' | 'member' | 'banned' | 'stranger'
type AdmitVerdict = 'joined' | 'already' | 'banned' | 'full'
type BanVerdict = 'banned' | 'already' | 'full'

export interface Person {
  readonly user: UserId
  readonly username: string
}

export interface Member {
  readonly username: string
  /** Above that of everybody who joined before, so that it orders them whatever the clock did; else when it was. */
  readonly joinedAtMs: number
  /** Connections of this user that hear the room now. */
  devices: number
}

/** What is said of a room once and for all. */
export interface Founding {
  readonly founder: UserId
  readonly createdAtMs: number
  /** Random: tells the room from an earlier one of that name. */
  readonly incarnation: number
}

export class Room {
  readonly createdAtMs: number
  readonly incarnation: number
  /** In order of joining. */
  private readonly members = new Map<UserId, Member>()
  private names = new SortedNames<UserId>()
  private readonly banned = new Set<UserId>()
  private onlineMembers = 0
  private ownerId: UserId
  private lastJoinedAtMs = -Infinity

  constructor(
    readonly id: RoomId,
    { founder, createdAtMs, incarnation }: Founding,
  ) {
    this.ownerId = founder
    this.createdAtMs = createdAtMs
    this.incarnation = incarnation
  }

  get owner(): UserId {
    return this.ownerId
  }

  get memberCount(): number {
    return this.members.size
  }

  /** Members with at least one connection that hears the room. */
  get onlineCount(): number {
    return this.onlineMembers
  }

  get banCount(): number {
    return this.banned.size
  }

  standingOf(user: UserId): Standing {
    if (this.members.has(user)) return user === this.ownerId ? 'owner' : 'member'
    return this.banned.has(user) ? 'banned' : 'stranger'
  }

  member(user: UserId): Member | undefined {
    return this.members.get(user)
  }

  isBanned(user: UserId): boolean {
    return this.banned.has(user)
  }

  bans(): Iterable<UserId> {
    return this.banned.values()
  }

  /** A page of user ids in code-unit order. */
  memberPage(after: string | undefined, limit: number): { readonly names: readonly UserId[]; readonly more: boolean } {
    return this.names.page(after, limit)
  }

  /** Members of before, in any order, when there are none yet. If the owner is not among them, the first follows. */
  restore(members: readonly (readonly [UserId, Member])[]): void {
    const inOrder = members.toSorted(([, left], [, right]) => left.joinedAtMs - right.joinedAtMs)
    for (const [user, member] of inOrder) this.members.set(user, member)
    this.names = new SortedNames(this.members.keys())
    this.lastJoinedAtMs = inOrder.at(-1)?.[1].joinedAtMs ?? -Infinity
    if (!this.members.has(this.ownerId)) this.passOwnership()
  }

  admit({ user, username }: Person, atMs: number, maxMembers: number): AdmitVerdict {
    if (this.members.has(user)) return 'already'
    if (this.banned.has(user)) return 'banned'
    if (this.members.size >= maxMembers) return 'full'
    this.lastJoinedAtMs = Math.max(atMs, this.lastJoinedAtMs + 1)
    this.members.set(user, { username, joinedAtMs: this.lastJoinedAtMs, devices: 0 })
    this.names.add(user)
    return 'joined'
  }

  remove(user: UserId): 'removed' | 'absent' {
    const member = this.members.get(user)
    if (member === undefined) return 'absent'
    if (member.devices > 0) this.onlineMembers -= 1
    this.members.delete(user)
    this.names.delete(user)
    if (user === this.ownerId) this.passOwnership()
    return 'removed'
  }

  /** Only bars the way back in; a member is removed apart from it. */
  ban(user: UserId): BanVerdict {
    if (this.banned.has(user)) return 'already'
    if (this.banned.size >= MAX_BANS_PER_ROOM) return 'full'
    this.banned.add(user)
    return 'banned'
  }

  unban(user: UserId): 'unbanned' | 'absent' {
    return this.banned.delete(user) ? 'unbanned' : 'absent'
  }

  deviceArrived(user: UserId): void {
    const member = this.members.get(user)
    if (member === undefined) return
    member.devices += 1
    if (member.devices === 1) this.onlineMembers += 1
  }

  deviceLeft(user: UserId): void {
    const member = this.members.get(user)
    if (member === undefined || member.devices === 0) return
    member.devices -= 1
    if (member.devices === 0) this.onlineMembers -= 1
  }

  private passOwnership(): void {
    const [next] = this.members.keys()
    if (next !== undefined) this.ownerId = next
  }
}
