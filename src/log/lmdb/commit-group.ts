/** What one commit will hold: appended records in order, and steps of other work. Settled as a whole. */
import type { RoomRecord } from '../../protocol/packets.js'
import type { RoomState } from './room-ledger.js'
import type { WriteBatch } from './write-batch.js'

/** With steps. Building 2,000 records of 64 bytes takes 2 ms of the event loop, and a commit of them 4 ms. */
const MAX_RECORDS = 2_048
const MAX_BYTES = 4 * 1024 * 1024

export interface CommitBuild {
  readonly batch: WriteBatch
  /** Says that the room's entry changes with this commit. */
  readonly stage: (state: RoomState) => void
  /** Adds to the bytes of the store. */
  readonly count: (bytes: number) => void
}

/** What one step of removing came to. */
export interface Dropped {
  readonly dropped: number
  /** It stopped for the number. */
  readonly isMore: boolean
}

/** Runs while the commit is being built, after the records that were appended before it. */
export type CommitStep = (build: CommitBuild) => void

export class CommitGroup {
  // Side by side instead of an object a record.
  readonly records: RoomRecord[] = []
  readonly states: RoomState[] = []
  /** `undefined`: the record has none. */
  readonly messageIds: (Buffer | undefined)[] = []
  private readonly resolves: ((record: RoomRecord) => void)[] = []
  private readonly rejects: ((error: Error) => void)[] = []
  readonly steps: { readonly run: CommitStep; readonly done: () => void; readonly failed: (error: Error) => void }[] =
    []
  /** Rooms whose entries change. */
  readonly touched = new Set<RoomState>()
  /** When it was begun, on the monotonic clock of the process. */
  readonly openedAtMs = performance.now()
  private bytes = 0

  get size(): number {
    return this.records.length + this.steps.length
  }

  get isFull(): boolean {
    return this.size >= MAX_RECORDS || this.bytes >= MAX_BYTES
  }

  append(state: RoomState, record: RoomRecord, messageId: Buffer | undefined): Promise<RoomRecord> {
    this.records.push(record)
    this.states.push(state)
    this.messageIds.push(messageId)
    this.bytes += record.body.length
    return new Promise((resolve, reject) => {
      this.resolves.push(resolve)
      this.rejects.push(reject)
    })
  }

  step(run: CommitStep): Promise<void> {
    return new Promise((done, failed) => void this.steps.push({ run, done, failed }))
  }

  holds(state: RoomState, seq: number): boolean {
    return this.records.some((record, index) => record.seq === seq && this.states[index] === state)
  }

  /** In the order of the appends, then the steps. */
  resolve(): void {
    for (const [index, record] of this.records.entries()) this.resolves[index]?.(record)
    for (const { done } of this.steps) done()
  }

  reject(error: Error): void {
    for (const reject of this.rejects) reject(error)
    for (const { failed } of this.steps) failed(error)
  }
}
