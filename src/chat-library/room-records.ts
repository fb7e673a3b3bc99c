/** The past of a room, as the same items that listeners get. */
import type { HistoryRecord, HistoryReply } from '../chat/chat.contract.js'
import { toItem, type LoggedItem, type RoomItem } from '../client/room-items.js'
import type { Epoch, RoomId } from '../protocol/ids.js'
import { RecordKind } from '../protocol/packets.js'
import type { CallDeadline, ContractCalls } from './contract-calls.js'

export interface HistoryQuery extends CallDeadline {
  /** Records after this seq, … */
  readonly after?: number
  /** … or the newest before this one; without either the newest. */
  readonly before?: number
  /** At most 200, and as many by default; a page is cut to fit a frame, too. */
  readonly limit?: number
}

export interface HistoryPage {
  readonly room: RoomId
  readonly epoch: Epoch
  /** Ascending. */
  readonly items: readonly LoggedItem[]
  /** There are records beyond this page: newer ones with `after`, else older ones. */
  readonly more: boolean
}

const kinds = {
  text: RecordKind.Text,
  join: RecordKind.Join,
  leave: RecordKind.Leave,
} as const satisfies Record<HistoryRecord['kind'], RecordKind>

export async function readHistory(calls: ContractCalls, room: string, query: HistoryQuery): Promise<HistoryPage> {
  const { deadlineMs, ...question } = query
  return toPage(await calls.call('chat.history', { room, ...question }, { deadlineMs }))
}

/**
 * Page by page, each asked for when the loop has come to its end; ends at the newest record there is then. Records that the
 * log no longer has, or has anew, are a gap item, as for a listener.
 */
export async function* readRecords(
  calls: ContractCalls,
  room: string,
  after: number,
  deadline: CallDeadline = {},
): AsyncGenerator<RoomItem, void> {
  let seq = after
  let knownEpoch: Epoch | undefined
  for (;;) {
    const { items, epoch, more, room: name } = await readHistory(calls, room, { after: seq, ...deadline })
    const [first] = items
    if (first === undefined) return
    if (knownEpoch !== undefined && knownEpoch !== epoch) {
      yield { kind: 'gap', room: name, from: 0, to: first.prev, reason: 'epochChanged' }
      seq = first.prev
    }
    knownEpoch = epoch
    for (const item of items) {
      // What a page leaves out in its middle, the same question would not bring.
      const reason = item === first ? 'trimmed' : 'unavailable'
      if (item.prev > seq) yield { kind: 'gap', room: name, from: seq, to: item.prev, reason }
      yield item
      seq = item.seq
    }
    if (!more) return
  }
}

const toPage = ({ records, ...page }: HistoryReply): HistoryPage => ({
  ...page,
  items: records.map(({ kind, ...record }) => toItem({ ...record, kind: kinds[kind] })),
})
