import { Controller, Get, Query, UseGuards } from '@nestjs/common'
import { BackpressureRouter } from '../delivery/backpressure-router.js'
import type { RoomFigures } from '../delivery/room-feed.js'
import type { RoomId } from '../protocol/ids.js'
import { RoomRegistry } from '../rooms/room-registry.js'
import type { Room } from '../rooms/room.js'
import { AdminGuard } from './admin.guard.js'
import { measureFrom, topFrom } from './query.js'
import { topOf } from './top-of.js'

interface RoomView {
  readonly room: RoomId
  readonly members: number
  /** Members with a connection to this node. */
  readonly online: number
  /** What went through it since somebody on this node began to hear it, */
  readonly records: number
  /** and the bytes of those bodies. */
  readonly bytes: number
}

const traffic = {
  records: ({ records }: RoomFigures): number => records,
  bytes: ({ bytes }: RoomFigures): number => bytes,
}

/** Which rooms are large or busy, as this node sees them. */
@Controller('admin/rooms')
@UseGuards(AdminGuard)
export class RoomsAdminController {
  constructor(
    private readonly registry: RoomRegistry,
    private readonly router: BackpressureRouter,
  ) {}

  /** The first `top` by `by`: members, records or bytes. */
  @Get()
  async rooms(
    @Query('top') top?: string,
    @Query('by') by?: string,
  ): Promise<{ readonly total: number; readonly rooms: readonly RoomView[] }> {
    const limit = topFrom(top)
    const kind = measureFrom({ members: 'members', records: 'records', bytes: 'bytes' } as const, by)
    const found =
      kind === 'members'
        ? await topOf(this.registry, { limit, measure: ({ memberCount }) => memberCount })
        : await topOf(this.router.openRooms(), { limit, measure: traffic[kind] })
    const rooms = found.flatMap((one) => ('room' in one ? (this.registry.get(one.room) ?? []) : one))
    return { total: this.registry.count, rooms: rooms.map((room) => this.view(room)) }
  }

  private view({ id: room, memberCount: members, onlineCount: online }: Room): RoomView {
    const { records = 0, bytes = 0 } = this.router.figuresOf(room) ?? {}
    return { room, members, online, records, bytes }
  }
}
