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

type Membership = readonly [UserId, Member]

export class Room {
  /** It is about to be deleted, by whatever node: nobody joins. */
  isClosing = false
  /** A store that several nodes write to has it. */
  isSaved = false
  private founding: Founding
  private readonly members = new Map<UserId, Member>()
  /** Whether `members` is in order of joining: what other nodes tell comes in any order. */
  private isInOrder = true
  private names = new SortedNames<UserId>()
  private readonly banned = new Set<UserId>()
  private onlineMembers = 0
  private ownerId: UserId
  private lastJoinedAtMs = -Infinity
  /** The last member has left: who comes next owns it. */
  private isOrphaned = false

  constructor(
    readonly id: RoomId,
    founding: Founding,
  ) {
    this.founding = founding
    this.ownerId = founding.founder
  }

  get createdAtMs(): number {
    return this.founding.createdAtMs
  }

  get incarnation(): number {
    return this.founding.incarnation
  }

  /** Who is said to be; until that one is here, the member of longest standing. */
  get owner(): UserId {
    if (this.members.has(this.ownerId)) return this.ownerId
    return this.firstMember() ?? this.ownerId
  }

  /** Whoever is said to own it has left, and nobody has said yet who does. */
  get isOwnerGone(): boolean {
    return this.members.size > 0 && !this.members.has(this.ownerId)
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
    if (this.members.has(user)) return user === this.owner ? 'owner' : 'member'
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

  /** As of now: the list stays while members come and go. */
  memberIds(): readonly UserId[] {
    return [...this.members.keys()]
  }

  /** A page of user ids in code-unit order. */
  memberPage(after: string | undefined, limit: number): { readonly names: readonly UserId[]; readonly more: boolean } {
    return this.names.page(after, limit)
  }

  /** Members of before, in any order, when there are none yet. If the owner is not among them, the first follows. */
  restore(members: readonly Membership[]): void {
    this.setMembers(members)
    this.names = new SortedNames(this.members.keys())
    this.lastJoinedAtMs = [...this.members.values()].at(-1)?.joinedAtMs ?? -Infinity
    this.ownerId = this.owner
    this.isOrphaned = this.members.size === 0
  }

  /** Another node has founded it before this one could. Members stay. */
  refound(founding: Founding): void {
    this.founding = founding
    this.ownerId = founding.founder
  }

  /** Another node says who owns it. */
  own(user: UserId): void {
    this.ownerId = user
  }

  /** Another node has let somebody in; whatever is connected here stays so. */
  place(user: UserId, { username, joinedAtMs }: Pick<Member, 'username' | 'joinedAtMs'>): void {
    const known = this.members.get(user)
    if (known?.username === username && known.joinedAtMs === joinedAtMs) return
    if (joinedAtMs <= this.lastJoinedAtMs || known !== undefined) this.isInOrder = false
    this.lastJoinedAtMs = Math.max(this.lastJoinedAtMs, joinedAtMs)
    this.members.set(user, { username, joinedAtMs, devices: known?.devices ?? 0 })
    if (known === undefined) this.names.add(user)
    this.isOrphaned = false
  }

  admit({ user, username }: Person, atMs: number, maxMembers: number): AdmitVerdict {
    if (this.members.has(user)) return 'already'
    if (this.banned.has(user)) return 'banned'
    if (this.members.size >= maxMembers) return 'full'
    this.lastJoinedAtMs = Math.max(atMs, this.lastJoinedAtMs + 1)
    this.members.set(user, { username, joinedAtMs: this.lastJoinedAtMs, devices: 0 })
    this.names.add(user)
    if (this.isOrphaned) this.ownerId = user
    this.isOrphaned = false
    return 'joined'
  }

  /** An owner who leaves is owner no more, even if it comes back. */
  remove(user: UserId): 'removed' | 'absent' {
    const verdict = this.drop(user)
    if (user === this.ownerId) this.ownerId = this.owner
    return verdict
  }

  /** The same by what another node did, which also says who owns the room then. */
  drop(user: UserId): 'removed' | 'absent' {
    const member = this.members.get(user)
    if (member === undefined) return 'absent'
    if (member.devices > 0) this.onlineMembers -= 1
    this.members.delete(user)
    this.names.delete(user)
    this.isOrphaned = this.members.size === 0
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

  private setMembers(members: Iterable<Membership>): void {
    // Where two joined on two nodes at once, all nodes must agree on who was first.
    const inOrder = [...members].toSorted(
      ([one, left], [other, right]) => left.joinedAtMs - right.joinedAtMs || (one < other ? -1 : 1),
    )
    this.members.clear()
    for (const [user, member] of inOrder) this.members.set(user, member)
    this.isInOrder = true
  }

  private firstMember(): UserId | undefined {
    if (!this.isInOrder) this.setMembers([...this.members])
    const [first] = this.members.keys()
    return first
  }
}
