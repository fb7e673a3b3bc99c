/**
 * Forgets what a room must not keep, a bounded number of records at a time, as part of commits: a room that is written
 * to pays for itself, and a sweep goes round the others and clears deleted rooms away.
 */
import type { Settings } from '../../config/settings.js'
import type { RoomId } from '../../protocol/ids.js'
import type { TrustedTime } from '../../trusted-time.js'
import { expiryOf, isBeyond } from '../retention.js'
import type { CommitBuild } from './commit-group.js'
import type { CommitLine } from './commit-line.js'
import type { IdJournal } from './id-journal.js'
import type { LogStore } from './log-store.js'
import type { RoomLedger, RoomState } from './room-ledger.js'
import { bodyBytesOf, deletedKey, recordKey, RECORD_OVERHEAD_BYTES, timeOfRecord } from './store-format.js'

/** Removing 500 records takes 1 ms of the event loop, looking at as many 0.6 ms. */
const STEP_RECORDS = 500
/** Each of them costs a step something, too, however little it holds. 20 times as many can go in one sweep. */
const STEP_ROOMS = 50
/** Of one sweep: 10,000 records, each step in a commit of its own. */
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

interface Dropped {
  readonly dropped: number
  readonly isMore: boolean
}

export class HistoryKeeper {
  /** Where the sweep goes on. */
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
    this.stepsLeft = SWEEP_STEPS
    await this.removeIds()
    await this.clearDeleted()
    for (const name of this.roomsToTrim()) {
      while (this.stepsLeft > 0 && (await this.step(name, 0))) this.stepsLeft -= 1
      if (this.stepsLeft <= 0) return
    }
  }

  private async removeIds(): Promise<void> {
    const { ids, store } = this.parts
    while (this.stepsLeft > 0 && (await this.inCommit(({ batch }) => ids.removeSome(batch, store()))))
      this.stepsLeft -= 1
  }

  private roomsToTrim(): RoomId[] {
    const found: RoomId[] = []
    let looked = 0
    for (const { name, value } of this.parts.store().roomsAfter(this.cursor, SWEEP_ROOMS)) {
      looked += 1
      this.cursor = name
      const { first, last, bytes, oldestTimeMs } = value
      if (this.isBeyond({ count: last - first + 1, bytes, oldestTimeMs })) found.push(name)
    }
    if (looked < SWEEP_ROOMS) this.cursor = ''
    return found
  }

  private step(name: RoomId, upTo: number): Promise<boolean> {
    return this.inCommit(
      (build) => this.drop(build, this.parts.ledger.stateOf(name), { upTo, atMost: STEP_RECORDS }).isMore,
    )
  }

  /** The records of rooms that were deleted. */
  private async clearDeleted(): Promise<void> {
    while (this.stepsLeft > 0 && (await this.inCommit((build) => this.clearSome(build)))) this.stepsLeft -= 1
  }

  /** Whether more is left to do. */
  private async inCommit(work: (build: CommitBuild) => boolean): Promise<boolean> {
    let isMore = false
    await this.parts.line.step((build) => {
      isMore = work(build)
    })
    return isMore
  }

  private clearSome({ batch, count }: CommitBuild): boolean {
    const store = this.parts.store()
    const rooms = store.deletedRooms(STEP_ROOMS)
    let removed = 0
    for (const room of rooms) {
      for (const { seq, value } of store.stored({ room, from: 0, to: ALL })) {
        if (removed === STEP_RECORDS) return true
        batch.remove(recordKey(room, seq, batch.allocate))
        count(-(value.length + RECORD_OVERHEAD_BYTES))
        removed += 1
        this.parts.line.counters.forgotten += 1
      }
      batch.remove(deletedKey(room))
    }
    return rooms.length === STEP_ROOMS
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
