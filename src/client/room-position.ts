/**
 * Where a reader stands in a room, and what a batch of records means there. Pure: no socket, no queue.
 * The one rule: records are new only if they follow the position; an overlap is cut, a hole is named.
 */
import type { Epoch, Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'

export interface ReaderPosition {
  readonly epoch: Epoch
  readonly seq: Seq
}

export interface RecordBatch {
  readonly epoch: Epoch
  readonly records: readonly RoomRecord[]
}

type Placement =
  /** These come next, in order; at least one. */
  | { readonly kind: 'next'; readonly records: readonly RoomRecord[] }
  /** Nothing new. */
  | { readonly kind: 'seen' }
  /** New, but the records after the position up to `prev` are missing. */
  | { readonly kind: 'hole'; readonly prev: Seq; readonly upTo: Seq }
  /** Of another incarnation of the log. */
  | { readonly kind: 'otherEpoch' }

export function place(position: ReaderPosition, batch: RecordBatch): Placement {
  const [first] = batch.records
  const last = batch.records.at(-1)
  if (first === undefined || last === undefined) return { kind: 'seen' }
  if (batch.epoch !== position.epoch) return { kind: 'otherEpoch' }
  if (first.prev > position.seq) return { kind: 'hole', prev: first.prev, upTo: last.seq }
  if (last.seq <= position.seq) return { kind: 'seen' }
  if (first.seq > position.seq) return { kind: 'next', records: batch.records }
  return { kind: 'next', records: batch.records.filter((record) => record.seq > position.seq) }
}

type Run = readonly [RoomRecord, ...RoomRecord[]]

/** Records cut where one does not follow the one before it. */
export function unbroken(records: readonly RoomRecord[]): readonly Run[] {
  const runs: [RoomRecord, ...RoomRecord[]][] = []
  for (const record of records) {
    const run = runs.at(-1)
    if (run !== undefined && run.at(-1)?.seq === record.prev) run.push(record)
    else runs.push([record])
  }
  return runs
}

type Standing = 'level' | 'behind' | 'ahead' | 'otherEpoch'

/** How a reader's position relates to the head of the log. */
export function standing(position: ReaderPosition, head: ReaderPosition): Standing {
  if (position.epoch !== head.epoch) return 'otherEpoch'
  if (position.seq === head.seq) return 'level'
  return position.seq < head.seq ? 'behind' : 'ahead'
}
