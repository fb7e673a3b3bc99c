/** Reads a room's log page by page, in both directions. A page is cut so that the reply fits a frame. */
import { Inject, Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { ROOM_LOG } from '../log/room-log.token.js'
import type { RoomLog } from '../log/room-log.js'
import { trustedSeq, type RoomId, type Seq } from '../protocol/ids.js'
import { RecordKind, type RoomRecord } from '../protocol/packets.js'
import { RoomPolicy } from '../rooms/room-policy.js'
import { RoomRegistry } from '../rooms/room-registry.js'
import { notAllowed } from '../rooms/room-refusals.js'
import type { Principal } from '../transport/authentication.js'
import type { ChatPayload, HistoryRecord, HistoryReply } from './chat.contract.js'

/** Keys, numbers and the longest sender of one record in MessagePack. */
const RECORD_OVERHEAD_BYTES = 220
/** Room, epoch and the frame around the records. */
const PAGE_OVERHEAD_BYTES = 256

const kindNames: Readonly<Record<RecordKind, HistoryRecord['kind']>> = {
  [RecordKind.Text]: 'text',
  [RecordKind.Join]: 'join',
  [RecordKind.Leave]: 'leave',
}

@Injectable()
export class HistoryService {
  constructor(
    private readonly rooms: RoomRegistry,
    private readonly policy: RoomPolicy,
    @Inject(ROOM_LOG) private readonly log: RoomLog,
    private readonly settings: Settings,
  ) {}

  /** Records after or before a position; without either the newest. */
  async read(
    caller: Principal,
    { room: id, after, before, limit }: ChatPayload<'chat.history'>,
  ): Promise<HistoryReply> {
    const standing = this.rooms.require(id).standingOf(caller.user)
    if (!this.policy.mayRead(caller, id, standing)) throw notAllowed(id, standing)
    const head = await this.log.head(id)
    const page =
      after === undefined
        ? await this.readBefore(id, before ?? trustedSeq(head.seq + 1), limit)
        : await this.readAfter(id, after, limit)
    return { room: id, epoch: head.epoch, ...page }
  }

  private async readAfter(id: RoomId, after: Seq, limit: number): Promise<Page> {
    const found = await this.log.readAfter(id, after, { maxRecords: limit, maxBytes: this.pageBytes })
    const records = found.slice(0, countFitting(found, this.pageBytes))
    const last = records.at(-1)
    const more = last !== undefined && (await this.log.head(id)).seq > last.seq
    return { records: records.map(named), more }
  }

  private async readBefore(id: RoomId, before: Seq, limit: number): Promise<Page> {
    const found = await this.log.readBefore(id, before, { maxRecords: limit, maxBytes: this.pageBytes })
    const records = found.slice(found.length - countFitting(found.toReversed(), this.pageBytes))
    const [first] = records
    // What is before may have been forgotten: `prev` alone does not tell.
    const more = first !== undefined && first.prev > 0 && (await this.hasBefore(id, first.seq))
    return { records: records.map(named), more }
  }

  private async hasBefore(id: RoomId, seq: Seq): Promise<boolean> {
    const older = await this.log.readBefore(id, seq, { maxRecords: 1, maxBytes: 0 })
    return older.length > 0
  }

  private get pageBytes(): number {
    return this.settings.current.transport.maxFrameBytes - PAGE_OVERHEAD_BYTES
  }
}

type Page = Pick<HistoryReply, 'records' | 'more'>

const named = ({ kind, ...record }: RoomRecord): HistoryRecord => ({ kind: kindNames[kind], ...record })

/** How many of `records`, from the first on, fit; at least one, which always fits by itself. */
function countFitting(records: readonly RoomRecord[], maxBytes: number): number {
  let bytes = 0
  let count = 0
  for (const { body } of records) {
    bytes += body.length + RECORD_OVERHEAD_BYTES
    if (count > 0 && bytes > maxBytes) break
    count += 1
  }
  return count
}
