/**
 * Committed records of one room on their way to its members: those that wait, and those of the batch that is being
 * offered. Each holds its bytes in admission until it was offered to the last member, or is left to be read from the log.
 */
import type { Urgency } from '../log/room-log.js'
import type { RoomRecord } from '../protocol/packets.js'
import type { Lane } from './admission.js'
import { PendingUrgencies } from './pending-urgencies.js'

export interface BacklogHost {
  /** A record wants to wait to be offered; false: there is no room to hold it. */
  take(lane: Lane, bytes: number): boolean
  /** It is held no more. */
  release(lane: Lane, bytes: number): void
}

interface HeldRecord {
  readonly record: RoomRecord
  readonly urgency: Urgency
  readonly lane: Lane
  readonly bytes: number
}

/** What a record holds beside its body: its bookkeeping on the way. */
const RECORD_OVERHEAD_BYTES = 128
export const bytesOf = ({ body }: Pick<RoomRecord, 'body'>): number => body.length + RECORD_OVERHEAD_BYTES
const lanes = { high: 'high', normal: 'normal', degraded: 'low', low: 'low' } as const satisfies Record<Urgency, Lane>

/** Encoded in one go: some 2 ms. */
const MAX_BATCH_RECORDS = 4_096
const MAX_BATCH_BYTES = 1024 * 1024

export class RoomBacklog {
  private pending: HeldRecord[] = []
  private running: readonly HeldRecord[] = []
  /** Of what is pending or running. */
  private readonly urgencies = new PendingUrgencies()

  constructor(private readonly host: BacklogHost) {}

  /** Where the room belongs, by what of it waits or runs. */
  get lane(): Lane {
    return this.urgencies.lane
  }

  /** How many wait for a batch. */
  get waiting(): number {
    return this.pending.length
  }

  /** False if it may not be held. */
  add(record: RoomRecord, urgency: Urgency): boolean {
    const [lane, bytes] = [lanes[urgency], bytesOf(record)]
    if (!this.host.take(lane, bytes)) return false
    this.pending.push({ record, urgency, lane, bytes })
    this.urgencies.add(urgency)
    return true
  }

  /** Of what waits, the records of the next batch. */
  beginBatch(): readonly RoomRecord[] {
    this.running = this.pending.slice(0, countOfBatch(this.pending))
    this.pending = this.pending.slice(this.running.length)
    return this.running.map(({ record }) => record)
  }

  /** Everybody was offered the batch. */
  endBatch(): void {
    const offered = this.running
    this.running = []
    this.release(offered)
  }

  dropWaiting(): void {
    const dropped = this.pending
    this.pending = []
    this.release(dropped)
  }

  private release(records: readonly HeldRecord[]): void {
    for (const { urgency, lane, bytes } of records) {
      this.urgencies.remove(urgency)
      this.host.release(lane, bytes)
    }
  }
}

/** How many of what waits go into the next batch; one at least. */
function countOfBatch(waiting: readonly HeldRecord[]): number {
  let bytes = 0
  for (const [count, held] of waiting.entries()) {
    bytes += held.bytes
    if (count === MAX_BATCH_RECORDS || (bytes > MAX_BATCH_BYTES && count > 0)) return count
  }
  return waiting.length
}
