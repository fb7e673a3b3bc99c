/**
 * Group commit: one transaction at a time, and what arrives while it runs goes into the next. After a failed one the
 * line stands still until `restart`: everything in it is rejected, what was being written with an unknown outcome.
 */
import type { RoomRecord } from '../../protocol/packets.js'
import { LogCounters } from '../log-counters.js'
import { LogFault } from '../log-fault.js'
import { CommitGroup, type CommitBuild, type CommitStep } from './commit-group.js'
import type { IdJournal } from './id-journal.js'
import type { LogStore } from './log-store.js'
import type { RoomState } from './room-ledger.js'
import {
  encodeRecord,
  encodeRoom,
  encodeStore,
  recordKey,
  RECORD_OVERHEAD_BYTES,
  roomKey,
  STORE_KEY,
} from './store-format.js'
import { WriteBatch } from './write-batch.js'

export interface CommitLineOwner {
  /** May remove records of the rooms that the commit adds to; `added` says how many to each. */
  readonly retain: (build: CommitBuild, added: ReadonlyMap<RoomState, number>) => void
  readonly onFailure: (cause: unknown) => void
  readonly onSuccess: () => void
  readonly uptimeMs: () => number
}

export class CommitLine {
  readonly counters = new LogCounters()
  private readonly waiting: CommitGroup[] = []
  private readonly batch = new WriteBatch()
  private running: Promise<void> | undefined
  private writing: CommitGroup | undefined
  private runningSinceMs = 0
  private isScheduled = false
  private isBroken = false
  private nextRoom: number
  private storedBytes: number
  private readonly start = (): void => this.startNext()
  /** When no microtask is left: what one turn of the event loop writes, over several promises, is one commit. */
  private readonly startSoon = (): void => process.nextTick(this.start)

  constructor(
    private store: LogStore,
    private readonly owner: CommitLineOwner,
    private readonly ids: IdJournal,
  ) {
    this.nextRoom = store.identity.nextRoom
    this.storedBytes = store.identity.bytes
  }

  /** Of all records in the store, with those of the running commit. */
  get bytes(): number {
    return this.storedBytes
  }

  /** How long the running commit has been running. */
  get commitAgeMs(): number {
    return this.running === undefined ? 0 : this.owner.uptimeMs() - this.runningSinceMs
  }

  append(state: RoomState, record: RoomRecord, messageId?: Buffer): Promise<RoomRecord> {
    return this.isBroken ? Promise.reject(broken()) : this.openGroup().append(state, record, messageId)
  }

  /** What will become of a record that was appended; `undefined` if it is on its way no more. */
  outcomeOf(state: RoomState, seq: number): Promise<void> | undefined {
    const group = [this.writing, ...this.waiting].find((group) => group?.holds(state, seq))
    return group?.step(() => undefined)
  }

  step(run: CommitStep): Promise<void> {
    return this.isBroken ? Promise.reject(broken()) : this.openGroup().step(run)
  }

  /** Resolves when nothing is left to commit. */
  async settled(): Promise<void> {
    while (this.running !== undefined || this.waiting.length > 0) {
      this.startNext()
      await this.running
    }
  }

  /** Goes on with a store that was opened again. */
  restart(store: LogStore): void {
    this.store = store
    this.nextRoom = store.identity.nextRoom
    this.storedBytes = store.identity.bytes
    this.isBroken = false
  }

  private openGroup(): CommitGroup {
    if (!this.isScheduled && this.running === undefined) {
      this.isScheduled = true
      queueMicrotask(this.startSoon)
    }
    const last = this.waiting.at(-1)
    if (last !== undefined && !last.isFull) return last
    const group = new CommitGroup()
    this.waiting.push(group)
    return group
  }

  private startNext(): void {
    this.isScheduled = false
    if (this.running !== undefined || this.isBroken) return
    const group = this.waiting.shift()
    if (group === undefined) return
    this.runningSinceMs = this.owner.uptimeMs()
    this.writing = group
    const startedAtMs = performance.now()
    this.running = this.write(group).then(
      () => {
        this.count(group, startedAtMs)
        this.onCommitted(group)
      },
      (cause: unknown) => this.onFailed(group, cause),
    )
  }

  private async write(group: CommitGroup): Promise<void> {
    this.batch.reset()
    this.build(group)
    if (!this.batch.isEmpty) await this.store.commit(this.batch)
  }

  private count({ size, records, openedAtMs }: CommitGroup, startedAtMs: number): void {
    const { counters } = this
    const nowMs = performance.now()
    counters.commitSeconds.observe((nowMs - startedAtMs) / 1000)
    counters.commitWrites.observe(size)
    counters.appendSeconds.observe((nowMs - openedAtMs) / 1000, records.length)
  }

  private onCommitted(group: CommitGroup): void {
    this.running = this.writing = undefined
    for (const state of group.touched) {
      state.committed = state.last
      state.isStored = true
      state.isStaged = false
    }
    this.owner.onSuccess()
    group.resolve()
    // Behind those who wait for this commit, and with what they append next.
    if (this.waiting.length > 0) queueMicrotask(this.startSoon)
  }

  private onFailed(group: CommitGroup, cause: unknown): void {
    this.running = this.writing = undefined
    this.isBroken = true
    this.counters.commitFailures += 1
    const behind = this.waiting.splice(0)
    this.owner.onFailure(cause)
    group.reject(LogFault.commitFailed(cause))
    const unwritten = broken(cause)
    for (const other of behind) other.reject(unwritten)
  }

  private build(group: CommitGroup): void {
    const { batch } = this
    const build: CommitBuild = {
      batch,
      stage: (state) => {
        state.isStaged = true
        group.touched.add(state)
      },
      count: (bytes) => void (this.storedBytes += bytes),
    }
    const [nextRoom, storedBytes] = [this.nextRoom, this.storedBytes]
    this.addRecords(group, build)
    for (const { run } of group.steps) run(build)
    for (const state of group.touched) {
      if (!state.isDeleted) batch.put(roomKey(state.name), encodeRoom(state, batch.allocate))
    }
    if (this.nextRoom === nextRoom && this.storedBytes === storedBytes) return
    batch.put(
      STORE_KEY,
      encodeStore({ ...this.store.identity, nextRoom: this.nextRoom, bytes: Math.max(0, this.storedBytes) }),
    )
  }

  private addRecords(group: CommitGroup, build: CommitBuild): void {
    const { allocate } = this.batch
    const added = new Map<RoomState, number>()
    for (const [index, record] of group.records.entries()) {
      const state = group.states[index]
      if (state === undefined) continue
      added.set(state, (added.get(state) ?? 0) + 1)
      this.addRecord(state, record)
      const value = encodeRecord(record, allocate)
      this.batch.put(recordKey(state.room, record.seq, allocate), value)
      this.storedBytes += value.length + RECORD_OVERHEAD_BYTES
      const messageId = group.messageIds[index]
      if (messageId !== undefined) this.ids.note(this.batch, { room: state.salt, seq: record.seq, messageId }, value)
    }
    this.ids.end(this.batch)
    for (const state of added.keys()) build.stage(state)
    this.owner.retain(build, added)
  }

  private addRecord(state: RoomState, record: RoomRecord): void {
    if (state.room === 0) {
      state.room = this.nextRoom
      this.nextRoom += 1
    }
    if (state.first > state.last) state.oldestTimeMs = record.timeMs
    state.last = record.seq
    state.bytes += record.body.length
  }
}

const broken = (cause?: unknown): LogFault => LogFault.unavailable('the room log could not be written', { cause })
