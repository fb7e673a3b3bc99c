/** What a room's loop yields. Byte fields are copies: they stay valid. */
import { GapReason, LeaveReason, RecordKind, type RoomRecord } from '../protocol/packets.js'
import { unreachable } from '../unreachable.js'

interface RecordItem {
  readonly seq: number
  /** Seq of the record before it; 0 for the first. */
  readonly prev: number
  /** Unix milliseconds. */
  readonly timeMs: number
  /** Who wrote, joined or left. */
  readonly sender: string
}
export interface TextItem extends RecordItem {
  readonly kind: 'text'
  readonly text: string
  readonly body: Buffer
}
export interface JoinItem extends RecordItem {
  readonly kind: 'join'
  readonly username: string
}
export interface LeaveItem extends RecordItem {
  readonly kind: 'leave'
  readonly reason: 'left' | 'kicked' | 'banned'
}
/**
 * The records after `from` up to `to` are not shown, and the next one follows `to`. `trimmed`: the log no longer has
 * them. `epochChanged`: the log was begun anew or restored, so what was shown is of another one, and seqs count from 0
 * again; `chat.history` has what the new one holds. `aheadOfLog`: the log is shorter than it was; what was shown after
 * `to` is not in it (`from` is above `to`). `unavailable`: the server refuses to show them, or its history leaves them
 * out.
 */
export interface GapItem {
  readonly kind: 'gap'
  readonly room: string
  readonly from: number
  readonly to: number
  readonly reason: GapCause
}
export type GapCause = 'trimmed' | 'epochChanged' | 'aheadOfLog' | 'unavailable'
/** One record of the room's log. */
export type LoggedItem = TextItem | JoinItem | LeaveItem
export type RoomItem = LoggedItem | GapItem

const leaveReasons = new Map<number | undefined, LeaveItem['reason']>([
  [LeaveReason.Left, 'left'],
  [LeaveReason.Kicked, 'kicked'],
  [LeaveReason.Banned, 'banned'],
])

export function toItem({ kind, seq, prev, timeMs, sender, body }: RoomRecord): LoggedItem {
  switch (kind) {
    case RecordKind.Text:
      return { kind: 'text', seq, prev, timeMs, sender, text: body.toString(), body: Buffer.from(body) }
    case RecordKind.Join:
      return { kind: 'join', seq, prev, timeMs, sender, username: body.toString() }
    case RecordKind.Leave:
      return { kind: 'leave', seq, prev, timeMs, sender, reason: leaveReasons.get(body[0]) ?? 'left' }
  }
  return unreachable(kind)
}

const gapCauses: Readonly<Record<GapReason, GapCause>> = {
  [GapReason.Trimmed]: 'trimmed',
  [GapReason.EpochChanged]: 'epochChanged',
  [GapReason.AheadOfLog]: 'aheadOfLog',
}
export const toGapCause = (reason: GapReason): GapCause => gapCauses[reason]
