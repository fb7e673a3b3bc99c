/**
 * The ids of one commit as they lie in the store; the grammar is in `store-format.ts`. Pure but for the memory that the
 * writer uses again: like a batch's it must not be begun anew before the commit has ended.
 */
import { parseUserId, trustedSeq, type UserId } from '../../protocol/ids.js'
import type { IdKey, Place } from '../recent-ids.js'
import { headOfRecord, U48_BYTES } from './store-format.js'

const ID_BYTES = 16
const HEADER_BYTES = 2 * U48_BYTES + 2
const PREFIX_BYTES = 2 * U48_BYTES + ID_BYTES
/** An id with the longest name. */
const MAX_BYTES = PREFIX_BYTES + U48_BYTES + 1 + 255
const FIRST_CAPACITY = 4_096

export interface IdEntryTimes {
  /** Of the commit, in the journal's time. */
  readonly atMs: number
  readonly horizonMs: number
}

interface RecentId {
  readonly key: IdKey
  readonly place: Place
}

interface BytesOf {
  readonly from: Buffer
  readonly start: number
  readonly end: number
}

export class IdEntryWriter {
  private memory = Buffer.allocUnsafeSlow(FIRST_CAPACITY)
  private used = HEADER_BYTES
  private count = 0

  get ids(): number {
    return this.count
  }

  begin(): void {
    this.used = HEADER_BYTES
    this.count = 0
  }

  /** `record` is the record's value in the store, which says time and sender. */
  add({ room, seq, messageId }: { room: number; seq: number; messageId: Buffer }, record: Buffer): void {
    if (this.used + MAX_BYTES > this.memory.length) this.grow()
    let at = this.memory.writeUIntBE(room, this.used, U48_BYTES)
    at = this.memory.writeUIntBE(seq, at, U48_BYTES)
    at = copyBytes({ from: messageId, start: 0, end: ID_BYTES }, this.memory, at)
    this.used = copyBytes({ from: record, ...headOfRecord(record) }, this.memory, at)
    this.count += 1
  }

  /** A view of its own memory. */
  finish({ atMs, horizonMs }: IdEntryTimes): Buffer {
    let at = this.memory.writeUIntBE(atMs, 0, U48_BYTES)
    at = this.memory.writeUIntBE(horizonMs === -Infinity ? 0 : horizonMs + 1, at, U48_BYTES)
    this.memory.writeUInt16BE(this.count, at)
    return this.memory.subarray(0, this.used)
  }

  private grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.memory.length * 2)
    this.memory.copy(grown, 0, 0, this.used)
    this.memory = grown
  }
}

/** Some twenty bytes: `Buffer.copy` of a part takes ten times as long. */
function copyBytes({ from, start, end }: BytesOf, target: Buffer, at: number): number {
  let next = at
  for (let index = start; index < end; index += 1) target[next++] = from[index] ?? 0
  return next
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
