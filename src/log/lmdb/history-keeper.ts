/**
 * Forgets what a room must not keep, a bounded number of records at a time, as part of commits: a room that is written
 * to pays for itself, and a sweep goes round the others and clears deleted rooms away.
 */
import type { Settings } from '../../config/settings.js'
import type { RoomId } from '../../protocol/ids.js'
import type { TrustedTime } from '../../trusted-time.js'
import { expiryOf, isBeyond } from '../retention.js'
import type { CommitBuild, Dropped } from './commit-group.js'
import type { CommitLine } from './commit-line.js'
import type { IdJournal } from './id-journal.js'
import type { LogStore } from './log-store.js'
import type { RoomLedger, RoomState } from './room-ledger.js'
import { bodyBytesOf, deletedKey, recordKey, RECORD_OVERHEAD_BYTES, timeOfRecord } from './store-format.js'

/** Removing 500 records takes 1 ms of the event loop, looking at as many 0.6 ms. */
const STEP_RECORDS = 500
/** Each of them costs a step something, too, however little it holds. 20 times as many can go in one sweep. */
const STEP_ROOMS = 50
/** Of one sweep: 10,000 records at most, each step in a commit of its own. */
const SWEEP_STEPS = 20
/** Looked at in one sweep. */
const SWEEP_ROOMS = 500

/** The highest seq there can be. */
const ALL = 2 ** 48 - 1

interface HistoryKeeperParts {
  readonly settings: Settings
  readonly time: TrustedTime
  readonly ledger: RoomLedger
  readonly line: CommitLine
  readonly ids: IdJournal
  readonly store: () => LogStore
}

export class HistoryKeeper {
  /** Where the sweep goes on: the last room that it is done with. */
  private cursor: RoomId | '' = ''
  private stepsLeft = 0

  constructor(private readonly parts: HistoryKeeperParts) {}

  /**
   * Part of a commit that adds to rooms, to each as many records as `added` says: as many may go from it, so that no
   * room grows, and one step more from all of them together.
   */
  retain(build: CommitBuild, added: ReadonlyMap<RoomState, number>): void {
    let moreLeft = STEP_RECORDS
    for (const [state, count] of added) {
      const { dropped } = this.drop(build, state, { upTo: 0, atMost: count + moreLeft })
      moreLeft -= Math.max(0, dropped - count)
    }
  }

  /** Moves `shownFrom` past what has expired. False: it has looked at one step of them, and there may be more. */
  hideExpired(state: RoomState): boolean {
    const { log } = this.parts.settings.current
    const expiredMs = expiryOf(log, this.parts.time.now())
    const from = Math.max(state.first, state.shownFrom, state.committed - log.historyMaxRecords + 1)
    if (from > state.committed || (from === state.first && state.oldestTimeMs > expiredMs)) return true
    let looked = 0
    for (const { seq, value } of this.parts.store().stored({ room: state.room, from, to: state.committed })) {
      if (timeOfRecord(value) > expiredMs) return true
      state.shownFrom = seq + 1
      looked += 1
      if (looked === STEP_RECORDS) return false
    }
    return true
  }

  /** Removes all records up to `upTo`, which it may take many commits to do. */
  async trim(name: RoomId, upTo: number): Promise<void> {
    while (await this.step(name, upTo)) {
      // one commit after the other
    }
  }

  /** One round of background work. Rejects when the log fails, and is to be tried again later. */
  async sweep(): Promise<void> {
    const { ids, store } = this.parts
    this.stepsLeft = SWEEP_STEPS
    await this.inSteps(({ batch }) => ids.removeSome(batch, store()))
    await this.inSteps((build) => this.clearSome(build))
    const { names, end } = this.roomsToTrim()
    await this.inSteps((build) => this.trimSome(build, names))
    if (names.length === 0) this.cursor = end
  }

  /** As long as `work` has more to do and the sweep has steps left. One that removes nothing costs none. */
  private async inSteps(work: (build: CommitBuild) => Dropped): Promise<void> {
    let isMore = true
    while (isMore && this.stepsLeft > 0) {
      const step = await this.inCommit(work)
      if (step.dropped > 0) this.stepsLeft -= 1
      isMore = step.isMore
    }
  }

  /** `end`: where the sweep goes on when it is done with all of them. */
  private roomsToTrim(): { names: RoomId[]; end: RoomId | '' } {
    const names: RoomId[] = []
    let [end, looked]: [RoomId | '', number] = [this.cursor, 0]
    for (const { name, value } of this.parts.store().roomsAfter(this.cursor, SWEEP_ROOMS)) {
      looked += 1
      end = name
      const { first, last, bytes, oldestTimeMs } = value
      if (this.isBeyond({ count: last - first + 1, bytes, oldestTimeMs })) names.push(name)
    }
    return { names, end: looked < SWEEP_ROOMS ? '' : end }
  }

  /** Takes the rooms that it is done with off `names`. */
  private trimSome(build: CommitBuild, names: RoomId[]): Dropped {
    let dropped = 0
    for (const name of names.slice(0, STEP_ROOMS)) {
      if (dropped === STEP_RECORDS) break
      const state = this.parts.ledger.stateOf(name)
      const step = this.drop(build, state, { upTo: 0, atMost: STEP_RECORDS - dropped })
      dropped += step.dropped
      if (step.isMore) break
      names.shift()
      this.cursor = name
    }
    return { dropped, isMore: names.length > 0 }
  }

  private async step(name: RoomId, upTo: number): Promise<boolean> {
    const { isMore } = await this.inCommit((build) =>
      this.drop(build, this.parts.ledger.stateOf(name), { upTo, atMost: STEP_RECORDS }),
    )
    return isMore
  }

  private async inCommit(work: (build: CommitBuild) => Dropped): Promise<Dropped> {
    let step: Dropped = { dropped: 0, isMore: false }
    await this.parts.line.step((build) => {
      step = work(build)
    })
    return step
  }

  /** The records of rooms that were deleted. */
  private clearSome({ batch, count }: CommitBuild): Dropped {
    const store = this.parts.store()
    const rooms = store.deletedRooms(STEP_ROOMS)
    let dropped = 0
    for (const room of rooms) {
      for (const { seq, value } of store.stored({ room, from: 0, to: ALL })) {
        if (dropped >= STEP_RECORDS) return { dropped, isMore: true }
        batch.remove(recordKey(room, seq, batch.allocate))
        count(-(value.length + RECORD_OVERHEAD_BYTES))
        dropped += 1
        this.parts.line.counters.forgotten += 1
      }
      batch.remove(deletedKey(room))
      dropped += 1
    }
    return { dropped, isMore: rooms.length === STEP_ROOMS }
  }

  /** Records up to `upTo` and beyond the limits; `isMore`: it stopped for the number. */
  private drop(build: CommitBuild, state: RoomState, { upTo, atMost }: { upTo: number; atMost: number }): Dropped {
    let dropped = 0
    if (state.room === 0 || (state.first > upTo && !this.isBeyond(keptBy(state)))) return { dropped, isMore: false }
    build.stage(state)
    for (const { seq, value } of this.parts.store().stored({
      room: state.room,
      from: state.first,
      to: Math.min(state.last, state.committed),
    })) {
      state.oldestTimeMs = timeOfRecord(value)
      if (seq > upTo && !this.isBeyond(keptBy(state))) break
      if (dropped === atMost) return { dropped, isMore: true }
      build.batch.remove(recordKey(state.room, seq, build.batch.allocate))
      build.count(-(value.length + RECORD_OVERHEAD_BYTES))
      state.first = seq + 1
      state.bytes -= bodyBytesOf(value)
      dropped += 1
      this.parts.line.counters.forgotten += 1
    }
    return { dropped, isMore: false }
  }

  private isBeyond(kept: { count: number; bytes: number; oldestTimeMs: number }): boolean {
    return isBeyond(kept, this.parts.settings.current.log, this.parts.time.now())
  }
}

const keptBy = ({ first, last, bytes, oldestTimeMs }: RoomState) => ({ count: last - first + 1, bytes, oldestTimeMs })
