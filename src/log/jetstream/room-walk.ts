/**
 * A walk through the stored messages of one room, oldest first, each with the seq of the one before it. Hides what is
 * past the count, and `take` what is too old or forgotten; it is still known to have been there, so that `prev` is true.
 *
 * The stream keeps one record more than is shown: it is the `prev` of the oldest that is.
 */
import { trustedSeq } from '../../protocol/ids.js'
import type { RoomRecord } from '../../protocol/packets.js'
import { LogFault } from '../log-fault.js'
import type { ReadLimit } from '../room-log.js'
import type { LogStream, StoredMessage } from './log-stream.js'
import { hiddenIn, type RoomPlace } from './room-places.js'
import type { RoomReader } from './room-reader.js'
import { decodeStored } from './stored-record.js'

/** The first request is small: most readers want a page. */
const FIRST_PULL = 64
const MAX_PULL = 256
/** Requests that wait for a record that is known to exist: longer than a server is ever behind. */
const MAX_WAITS = 3

export interface Walked {
  readonly seq: number
  readonly prev: number
  readonly payload: Uint8Array
}

export class RoomWalk {
  /** Of the last message that was passed. */
  position: number
  /** Whether the first `prev` is that of the chain, and not just where the walk began. */
  isAnchored = true
  private readonly ahead: StoredMessage[] = []
  private pulls = 0

  private constructor(
    private readonly stream: LogStream,
    private readonly reader: RoomReader,
    readonly place: RoomPlace,
    position: number,
  ) {
    this.position = position
  }

  /** Stands behind the record at `after`, or behind all that is hidden before the oldest. */
  static async open(stream: LogStream, place: RoomPlace, start: WalkStart): Promise<RoomWalk> {
    const after = Math.max(start.after, place.floor)
    const walk = new RoomWalk(stream, await stream.read({ subject: place.subject, from: after }), place, after)
    const first = await walk.peek()
    if (first === undefined) return walk
    if (first.seq === after) walk.skip(1)
    else if (after === 0 || (await isForgotten(stream, place, after))) await walk.leaveOldest(start)
    else walk.isAnchored = false
    return walk
  }

  get isUsable(): boolean {
    return this.reader.isUsable
  }

  async next(): Promise<Walked | undefined> {
    const message = await this.peek()
    if (message === undefined) return undefined
    const prev = this.position
    this.skip(1)
    return { seq: message.seq, prev, payload: message.payload }
  }

  /** Goes on as far as the limit allows. */
  async take({ maxRecords, maxBytes }: ReadLimit): Promise<readonly RoomRecord[]> {
    const taken: RoomRecord[] = []
    let bytes = 0
    while (taken.length < maxRecords) {
      const message = await this.peek()
      if (message === undefined) break
      const record = shown({ ...message, prev: this.position }, this.place)
      if (record !== undefined) {
        bytes += record.body.length
        if (taken.length > 0 && bytes > maxBytes) break
        taken.push(record)
      }
      this.skip(1)
    }
    return taken
  }

  close(): void {
    this.reader.close()
  }

  /** Before the oldest that is stored: it is not shown if the count is full. */
  private async leaveOldest({ maxRecords, wasRecord }: WalkStart): Promise<void> {
    const cut = this.reader.found - maxRecords
    for (let left = cut; left > 0 && (await this.peek()) !== undefined;) left -= this.skip(left)
    const first = this.ahead[0]
    if (cut > 0 || first === undefined) return
    // There was a record that is gone, so others may be: up to the one before at most.
    this.position = wasRecord && this.position > 0 ? first.seq - 1 : this.place.floor
  }

  /** How many were skipped. */
  private skip(count: number): number {
    const skipped = this.ahead.splice(0, Math.max(0, count))
    this.position = skipped.at(-1)?.seq ?? this.position
    return skipped.length
  }

  private async peek(): Promise<StoredMessage | undefined> {
    for (let waits = 0; this.ahead.length === 0 && waits < MAX_WAITS; waits += 1) {
      const isAwaited = this.reader.pending === 0 && this.position < this.place.known
      // What the reader said when it was opened is news.
      if (this.pulls === 0 && this.reader.pending === 0 && !isAwaited) return undefined
      this.pulls += 1
      this.ahead.push(...(await this.reader.next(this.pulls === 1 ? FIRST_PULL : MAX_PULL, { isAwaited })))
      if (!isAwaited) return this.ahead[0]
    }
    if (this.ahead.length === 0) await this.refuseIfStored()
    return this.ahead[0]
  }

  /** What was waited for in vain is gone with its room, or the server that reads for us is too far behind: that is no end. */
  private async refuseIfStored(): Promise<void> {
    const last = await this.stream.lastByLeader(this.place.subject)
    if (last > this.position) throw LogFault.unavailable(`the log is behind: record ${last} cannot be read yet`)
  }
}

export interface WalkStart {
  readonly after: number
  /** Whether `after` is the position of a record, which may be gone. */
  readonly wasRecord: boolean
  /** As many are shown. */
  readonly maxRecords: number
}

/**
 * Whether nothing up to this seq is stored. The oldest moves while it is asked for, and who answers may be behind: it
 * counts only if the leader has it.
 */
async function isForgotten(stream: LogStream, { subject }: RoomPlace, seq: number): Promise<boolean> {
  const oldest = await stream.first(subject, 1)
  return oldest === undefined || oldest.seq > seq || (await stream.stored(oldest.seq)) === undefined
}

/** `undefined` if it is too old, forgotten or not readable. */
export function shown({ seq, prev, payload }: Walked, place: RoomPlace): RoomRecord | undefined {
  return seq <= hiddenIn(place) ? undefined : decodeStored(payload, trustedSeq(seq), trustedSeq(prev))?.record
}
