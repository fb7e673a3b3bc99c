/** What the `rooms.*` patterns that only look answer. Pages are cut so that a reply fits a frame. */
import { Inject, Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { ROOM_LOG } from '../log/room-log.token.js'
import type { RoomLog } from '../log/room-log.js'
import type { RoomId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import { Presence } from './presence.js'
import { RoomPolicy } from './room-policy.js'
import { RoomRegistry } from './room-registry.js'
import { notAllowed } from './room-refusals.js'
import type { Room } from './room.js'
import type { InfoReply, ListedRoom, ListReply, MembersReply, RoomsPayload } from './rooms.contract.js'

/** Largest entries in MessagePack: keys, numbers, and names of 128 bytes. */
const ROOM_ENTRY_MAX_BYTES = 170
const MEMBER_ENTRY_MAX_BYTES = 310
const PAGE_FRAME_BYTES = 64

@Injectable()
export class RoomCatalogueService {
  constructor(
    private readonly registry: RoomRegistry,
    private readonly policy: RoomPolicy,
    @Inject(ROOM_LOG) private readonly log: RoomLog,
    private readonly presence: Presence,
    private readonly settings: Settings,
  ) {}

  list({ after, limit }: RoomsPayload<'rooms.list'>): ListReply {
    const { rooms, more } = this.registry.page(after, this.fitting(limit, ROOM_ENTRY_MAX_BYTES))
    return { rooms: rooms.map((room) => this.listed(room)), more }
  }

  async info(id: RoomId): Promise<InfoReply> {
    const room = this.registry.require(id)
    const { epoch, seq } = await this.log.head(id)
    return { ...this.listed(room), owner: room.owner, epoch, seq, createdAtMs: room.createdAtMs }
  }

  members(caller: Principal, { room: id, after, limit }: RoomsPayload<'rooms.members'>): MembersReply {
    const room = this.registry.require(id)
    const standing = room.standingOf(caller.user)
    if (!this.policy.mayRead(caller, id, standing)) throw notAllowed(id, standing)
    const { names, more } = room.memberPage(after, this.fitting(limit, MEMBER_ENTRY_MAX_BYTES))
    const members = names.map((user) => ({
      user,
      username: room.member(user)?.username ?? user,
      role: user === room.owner ? ('owner' as const) : ('member' as const),
      online: (room.member(user)?.devices ?? 0) > 0,
    }))
    return { members, more }
  }

  private listed(room: Room): ListedRoom {
    return { room: room.id, members: room.memberCount, online: this.presence.onlineCount(room) }
  }

  private fitting(limit: number, entryBytes: number): number {
    const { maxFrameBytes } = this.settings.current.transport
    return Math.min(limit, Math.floor((maxFrameBytes - PAGE_FRAME_BYTES) / entryBytes))
  }
}
