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

interface Member {
  readonly username: string
  readonly joinedAtMs: number
  /** Connections of this user that hear the room now. */
  devices: number
}

export class Room {
  /** In order of joining. */
  private readonly members = new Map<UserId, Member>()
  private readonly names = new SortedNames<UserId>()
  private readonly banned = new Set<UserId>()
  private onlineMembers = 0
  private ownerId: UserId

  constructor(
    readonly id: RoomId,
    founder: UserId,
    readonly createdAtMs: number,
  ) {
    this.ownerId = founder
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

  standingOf(user: UserId): Standing {
    if (this.members.has(user)) return user === this.ownerId ? 'owner' : 'member'
    return this.banned.has(user) ? 'banned' : 'stranger'
  }

  member(user: UserId): Member | undefined {
    return this.members.get(user)
  }

  /** A page of user ids in code-unit order. */
  memberPage(after: string | undefined, limit: number): { readonly names: readonly UserId[]; readonly more: boolean } {
    return this.names.page(after, limit)
  }

  admit({ user, username }: Person, atMs: number, maxMembers: number): AdmitVerdict {
    if (this.members.has(user)) return 'already'
    if (this.banned.has(user)) return 'banned'
    if (this.members.size >= maxMembers) return 'full'
    this.members.set(user, { username, joinedAtMs: atMs, devices: 0 })
    this.names.add(user)
    return 'joined'
  }

  remove(user: UserId): 'removed' | 'absent' {
    const member = this.members.get(user)
    if (member === undefined) return 'absent'
    if (member.devices > 0) this.onlineMembers -= 1
    this.members.delete(user)
    this.names.delete(user)
    if (user === this.ownerId) {
      const [next] = this.members.keys()
      if (next !== undefined) this.ownerId = next
    }
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
}
