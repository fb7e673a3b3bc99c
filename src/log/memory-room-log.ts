/**
 * The room log for tests and for those who ask for it: committed means stored in this process, and a restart forgets all.
 *
 * Bounds: those of `retention.ts` a room, looked at when it is written to or read; `memoryLogMaxBytes` over all rooms,
 * the history of the room that was not written to for longest forgotten first. Forgetting never touches a position.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import { NO_SEQ, trustedEpoch, trustedSeq, type Epoch, type RoomId, type Seq, type UserId } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'
import { TrustedTime } from '../trusted-time.js'
import { RecentIds } from './recent-ids.js'
import { LogCounters, type LogSize } from './log-counters.js'
import { RecordRing } from './record-ring.js'
import { LogFault } from './log-fault.js'
import { isBeyond } from './retention.js'
import type { Appended, NewRecord, ReadLimit, Repeat, RoomHead, RoomLogEngine } from './room-log.js'

/** What a kept record costs beside its body: record, Buffer, ring slot (330–350 bytes of RSS measured on Node 20). */
const RECORD_OVERHEAD_BYTES = 350

const EPOCH_BYTES = 6

interface History {
  readonly epoch: Epoch
  seq: Seq
  readonly records: RecordRing
  /** Of bodies. */
  bytes: number
}

export class MemoryRoomLog implements RoomLogEngine {
  /** Of time that passes it has nothing to say. */
  readonly counters = new LogCounters()
  private readonly rooms = new Map<RoomId, History>()
  /** Rooms that hold records, the least recently written first. */
  private readonly byAge = new Map<RoomId, History>()
  private readonly ids: RecentIds
  private readonly time: TrustedTime
  private newest: History | undefined
  private heldBytes = 0
  private isClosed = false

  constructor(
    private readonly settings: Settings,
    private readonly clock: Pick<Clock, 'now' | 'uptimeMs'>,
  ) {
    this.time = new TrustedTime(clock)
    this.ids = new RecentIds({
      windowMs: () => settings.current.log.dedupWindowMs,
      maxIds: () => settings.current.log.dedupMaxIds,
      nowMs: () => clock.uptimeMs(),
    })
  }

  async append(room: RoomId, { kind, sender, body, id }: NewRecord): Promise<Appended> {
    const history = this.historyOf(room)
    const repeat = id === undefined ? undefined : this.repeatOf(room, sender, id.messageId)
    if (repeat !== undefined) return repeat
    if (this.isClosed) throw LogFault.unavailable('the room log is closed')
    if (id?.ageMs !== undefined && !this.ids.isSurelyNew(id.ageMs)) throw LogFault.outcomeUnknown()
    const prev = history.seq
    const seq = trustedSeq(prev + 1)
    const record: RoomRecord = { kind, seq, prev, timeMs: this.clock.now(), sender, body: keepable(body) }
    if (id !== undefined) this.ids.addSought(record)
    history.seq = seq
    history.records.push(record)
    history.bytes += record.body.length
    this.heldBytes += sizeOf(record)
    this.markNewest(room, history)
    this.forgetBeyondLimits(history)
    return record
  }

  repeatOf(room: RoomId, sender: UserId, messageId: Buffer): Promise<Repeat> | undefined {
    const history = this.rooms.get(room)
    if (history === undefined) return undefined
    const place = this.ids.find({ room: history.epoch, sender, messageId })
    return place === undefined ? undefined : Promise.resolve({ isRepeat: true, ...place })
  }

  async readAfter(room: RoomId, after: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    const records = this.recordsOf(room)
    if (records === undefined) return []
    const read: RoomRecord[] = []
    let bytes = 0
    for (let index = positionAfter(records, after); read.length < limit.maxRecords; index += 1) {
      const record = records.at(index)
      if (record === undefined) break
      bytes += record.body.length
      if (read.length > 0 && bytes > limit.maxBytes) break
      read.push(record)
    }
    return read
  }

  async readBefore(room: RoomId, before: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    const records = this.recordsOf(room)
    if (records === undefined) return []
    const newestFirst: RoomRecord[] = []
    let bytes = 0
    for (let index = positionBefore(records, before); newestFirst.length < limit.maxRecords; index -= 1) {
      const record = records.at(index)
      if (record === undefined) break
      bytes += record.body.length
      if (newestFirst.length > 0 && bytes > limit.maxBytes) break
      newestFirst.push(record)
    }
    return newestFirst.toReversed()
  }

  async head(room: RoomId): Promise<RoomHead> {
    const { epoch, seq } = this.historyOf(room)
    return { epoch, seq }
  }

  async trim(room: RoomId, upTo: Seq): Promise<void> {
    const history = this.rooms.get(room)
    if (history === undefined) return
    for (
      let oldest = history.records.at(0);
      oldest !== undefined && oldest.seq <= upTo;
      oldest = history.records.at(0)
    ) {
      this.forgetOldest(history)
    }
    if (history.records.length === 0) this.leaveAges(room, history)
  }

  async deleteRoom(room: RoomId, epoch?: Epoch): Promise<void> {
    const history = this.rooms.get(room)
    if (history === undefined || (epoch !== undefined && epoch !== history.epoch)) return
    while (history.records.length > 0) this.forgetOldest(history)
    this.leaveAges(room, history)
    this.rooms.delete(room)
  }

  get size(): LogSize {
    const { memoryLogMaxBytes: maxBytes } = this.settings.current.log
    return { bytes: this.heldBytes, maxBytes, recentIds: this.ids.size }
  }

  fault(): string | undefined {
    return this.isClosed ? 'the room log is closed' : undefined
  }

  isInDoubt(): boolean {
    return false
  }

  async close(): Promise<void> {
    this.isClosed = true
  }

  private recordsOf(room: RoomId): RecordRing | undefined {
    const history = this.rooms.get(room)
    if (history === undefined) return undefined
    this.retain(history)
    if (history.records.length === 0) this.leaveAges(room, history)
    return history.records
  }

  private historyOf(room: RoomId): History {
    const known = this.rooms.get(room)
    if (known !== undefined) return known
    const history: History = { epoch: newEpoch(), seq: NO_SEQ, records: new RecordRing(), bytes: 0 }
    this.rooms.set(room, history)
    return history
  }

  /** A burst in one room moves nothing. */
  private markNewest(room: RoomId, history: History): void {
    if (this.newest === history) return
    this.newest = history
    this.byAge.delete(room)
    this.byAge.set(room, history)
  }

  private leaveAges(room: RoomId, history: History): void {
    this.byAge.delete(room)
    if (this.newest === history) this.newest = undefined
  }

  private forgetBeyondLimits(written: History): void {
    const { memoryLogMaxBytes } = this.settings.current.log
    this.retain(written)
    if (this.heldBytes <= memoryLogMaxBytes) return
    for (const [room, history] of this.byAge) {
      while (this.heldBytes > memoryLogMaxBytes && history.records.length > 0) this.forgetOldest(history)
      if (history.records.length === 0) this.leaveAges(room, history)
      if (this.heldBytes <= memoryLogMaxBytes) return
    }
  }

  private retain(history: History): void {
    for (let oldest = history.records.at(0); oldest !== undefined; oldest = history.records.at(0)) {
      const kept = { count: history.records.length, bytes: history.bytes, oldestTimeMs: oldest.timeMs }
      if (!isBeyond(kept, this.settings.current.log, this.time.now())) return
      this.forgetOldest(history)
    }
  }

  private forgetOldest(history: History): void {
    const oldest = history.records.shift()
    if (oldest === undefined) return
    history.bytes -= oldest.body.length
    this.heldBytes -= sizeOf(oldest)
    this.counters.forgotten += 1
  }
}

const newEpoch = (): Epoch => trustedEpoch(randomBytes(EPOCH_BYTES).readUIntBE(0, EPOCH_BYTES))

const sizeOf = (record: RoomRecord): number => record.body.length + RECORD_OVERHEAD_BYTES

/** Sequence numbers in memory have no holes, so a position is a subtraction. */
const positionAfter = (records: RecordRing, after: Seq): number =>
  Math.max(0, after + 1 - (records.at(0)?.seq ?? NO_SEQ))
const positionBefore = (records: RecordRing, before: Seq): number =>
  Math.min(records.length, before - (records.at(0)?.seq ?? NO_SEQ)) - 1

/**
 * A decoded body is a view of the chunk it was read in: 64 kept bytes could hold 64 KiB, uncounted. A copy into Node's
 * pool is no dearer than the view's own bookkeeping (64 bytes: 440 ns and 305 bytes of RSS; a view of a chunk of its own
 * 1,800 ns and 650 bytes), so only bodies that are most of their chunk stay views.
 */
function keepable(body: Buffer): Buffer {
  return body.length * 2 > body.buffer.byteLength && body.length > Buffer.poolSize / 2 ? body : Buffer.from(body)
}
