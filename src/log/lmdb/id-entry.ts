/** The ids of recent messages as they lie in the store, some forty in an entry; the grammar is in `store-format.ts`. */
import { parseUserId, trustedSeq, type UserId } from '../../protocol/ids.js'
import type { IdKey, Place } from '../recent-ids.js'
import { headOfRecord, U48_BYTES } from './store-format.js'

const ID_BYTES = 16
const HEADER_BYTES = 2 * U48_BYTES + 2
/** What fits half a page of LMDB: for more it would seek whole pages in a row, which costs more than all the rest. */
export const ID_ENTRY_BYTES = 1_920

export interface IdEntryTimes {
  /** Of the commit, in the journal's time. */
  readonly atMs: number
  readonly horizonMs: number
}

interface RecentId {
  readonly key: IdKey
  readonly place: Place
}

export class IdEntry {
  private used: number
  private count = 0

  /** `memory` of `ID_ENTRY_BYTES`, its own until the entry is written. */
  constructor(
    private readonly memory: Buffer,
    { atMs, horizonMs }: IdEntryTimes,
  ) {
    const at = memory.writeUIntBE(atMs, 0, U48_BYTES)
    this.used = memory.writeUIntBE(horizonMs === -Infinity ? 0 : horizonMs + 1, at, U48_BYTES) + 2
  }

  get ids(): number {
    return this.count
  }

  get value(): Buffer {
    this.memory.writeUInt16BE(this.count, 2 * U48_BYTES)
    return this.memory.subarray(0, this.used)
  }

  /** `record` is the record's value in the store, which says time and sender. False if there is no room for it. */
  add({ room, seq, messageId }: { room: number; seq: number; messageId: Buffer }, record: Buffer): boolean {
    const { start, end } = headOfRecord(record)
    if (this.used + 2 * U48_BYTES + ID_BYTES + end - start > this.memory.length) return false
    let at = this.memory.writeUIntBE(room, this.used, U48_BYTES)
    at = this.memory.writeUIntBE(seq, at, U48_BYTES)
    // Some twenty bytes, each by itself: `Buffer.copy` of a part takes ten times as long.
    for (let index = 0; index < ID_BYTES; index += 1) this.memory[at++] = messageId[index] ?? 0
    for (let index = start; index < end; index += 1) this.memory[at++] = record[index] ?? 0
    this.used = at
    this.count += 1
    return true
  }
}

export function timesOfEntry(value: Buffer): IdEntryTimes {
  const horizon = value.readUIntBE(U48_BYTES, U48_BYTES)
  return { atMs: value.readUIntBE(0, U48_BYTES), horizonMs: horizon === 0 ? -Infinity : horizon - 1 }
}

export const idsInEntry = (value: Buffer): number => value.readUInt16BE(2 * U48_BYTES)

/** In the order of their appends. Throws if it cannot be read. */
export function* decodeIdEntry(value: Buffer): Iterable<RecentId> {
  for (let at = HEADER_BYTES; at < value.length;) {
    const idAt = at + 2 * U48_BYTES
    const timeAt = idAt + ID_BYTES
    const nameAt = timeAt + U48_BYTES + 1
    const end = nameAt + value.readUInt8(nameAt - 1)
    const [room, seq] = [value.readUIntBE(at, U48_BYTES), trustedSeq(value.readUIntBE(at + U48_BYTES, U48_BYTES))]
    const sender = senderIn(value.toString('utf8', nameAt, end))
    yield {
      key: { room, sender, messageId: value.subarray(idAt, timeAt) },
      place: { seq, timeMs: value.readUIntBE(timeAt, U48_BYTES) },
    }
    at = end
  }
}

function senderIn(text: string): UserId {
  const sender = parseUserId(text)
  if (sender === undefined) throw new Error('the room log is damaged: a recent message has no sender')
  return sender
}
