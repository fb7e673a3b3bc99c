/** The room log in a folder of its own: what it says is on disk. Reads answer from the last commit and wait for nobody. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Logger } from '@nestjs/common'
import { trustedSeq, type Epoch, type RoomId, type Seq, type UserId } from '../../protocol/ids.js'
import type { RoomRecord } from '../../protocol/packets.js'
import { TrustedTime } from '../../trusted-time.js'
import type { LogCounters, LogSize } from '../log-counters.js'
import { LogFault, reasonOf } from '../log-fault.js'
import type { Appended, NewRecord, ReadLimit, Repeat, RoomHead, RoomLogEngine } from '../room-log.js'
import type { StateStore } from '../state-store.js'
import type { CommitBuild } from './commit-group.js'
import { HistoryKeeper } from './history-keeper.js'
import { asFault, LiveStore, type LiveStoreParts } from './live-store.js'
import { LmdbStateStore } from './lmdb-state-store.js'
import { RoomLedger, type RoomState } from './room-ledger.js'
import { deletedKey, roomKey } from './store-format.js'

const SWEEP_INTERVAL_MS = 1_000

export class LmdbRoomLog implements RoomLogEngine {
  /** In the same store: open as long as the log is. */
  readonly state: StateStore
  private readonly logger = new Logger('RoomLog')
  private readonly ledger: RoomLedger
  private readonly keeper: HistoryKeeper
  private readonly stopSweeping: () => void
  private sweeping: Promise<void> | undefined
  private closing: Promise<void> | undefined

  private constructor(
    private readonly parts: LiveStoreParts,
    private readonly live: LiveStore,
  ) {
    const { clock, settings } = parts
    const ledger = new RoomLedger(live.store)
    const { line, ids } = live
    const keeper = new HistoryKeeper({
      settings,
      time: new TrustedTime(clock),
      ledger,
      line,
      ids,
      store: () => live.store,
    })
    live.serve({
      retain: (build, added) => keeper.retain(build, added),
      restart: (store) => ledger.restart(store),
    })
    this.ledger = ledger
    this.keeper = keeper
    this.state = new LmdbStateStore(live)
    this.stopSweeping = clock.every(SWEEP_INTERVAL_MS, () => this.sweep())
  }

  /** Rejects with `StartUpError`: another process has the folder, it cannot be written, or its store is not usable. */
  static async open(parts: LiveStoreParts): Promise<LmdbRoomLog> {
    return new LmdbRoomLog(parts, await LiveStore.open(parts))
  }

  append(room: RoomId, { kind, sender, body, id }: NewRecord): Promise<Appended> {
    try {
      const repeat = id === undefined ? undefined : this.repeatIn(this.ledger.stateOf(room), sender, id.messageId)
      if (repeat !== undefined) return repeat
      const fault = this.fault()
      if (fault !== undefined) throw this.live.refusal(fault)
      const { line, ids } = this.live
      if (id?.ageMs !== undefined && !ids.isSurelyNew(id.ageMs)) throw LogFault.outcomeUnknown()
      const state = this.ledger.stateOf(room)
      const prev = trustedSeq(state.assigned)
      state.assigned += 1
      const record = { kind, seq: trustedSeq(state.assigned), prev, timeMs: this.parts.clock.now(), sender, body }
      if (id !== undefined) ids.addSought(record)
      return line.append(state, record, id?.messageId)
    } catch (error) {
      return Promise.reject(asFault(error))
    }
  }

  repeatOf(room: RoomId, sender: UserId, messageId: Buffer): Promise<Repeat> | undefined {
    // Whoever is refused asks, of names of rooms that never were, too.
    const state = this.live.reading(() => this.ledger.find(room))
    return state === undefined ? undefined : this.repeatIn(state, sender, messageId)
  }

  async readAfter(room: RoomId, after: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    await this.expiredHidden(room)
    return this.live.reading(() => {
      const state = this.ledger.stateOf(room)
      const [from, to] = [Math.max(after + 1, this.oldestOf(state)), state.committed]
      if (from > to) return []
      return take(this.live.store.records({ room: state.room, from, to }, 'ascending'), limit)
    })
  }

  async readBefore(room: RoomId, before: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    await this.expiredHidden(room)
    return this.live.reading(() => {
      const state = this.ledger.stateOf(room)
      const [from, to] = [this.oldestOf(state), Math.min(before - 1, state.committed)]
      if (from > to) return []
      return take(this.live.store.records({ room: state.room, from, to }, 'descending'), limit).toReversed()
    })
  }

  async head(room: RoomId): Promise<RoomHead> {
    return this.live.reading(() => {
      const { salt, committed } = this.ledger.stateOf(room)
      return { epoch: this.ledger.epochOf(salt), seq: trustedSeq(committed) }
    })
  }

  async trim(room: RoomId, upTo: Seq): Promise<void> {
    this.live.refuseWhenBroken()
    await this.keeper.trim(room, upTo)
  }

  async deleteRoom(room: RoomId, epoch?: Epoch): Promise<void> {
    this.live.refuseWhenBroken()
    const state = this.live.reading(() => this.ledger.stateOf(room))
    if (epoch !== undefined && epoch !== this.ledger.epochOf(state.salt)) return
    await this.ledger.delete(state, async () => {
      if (state.isStored || state.assigned > 0) await this.live.line.step((build) => removeRoom(build, state))
    })
  }

  /** Of all records, with what each takes beside its bytes. */
  get counters(): LogCounters {
    return this.live.line.counters
  }

  get size(): LogSize {
    const { logMaxBytes: maxBytes } = this.parts.settings.current.log
    return { bytes: this.storedBytes, maxBytes, recentIds: this.live.ids.size }
  }

  get storedBytes(): number {
    return this.live.line.bytes
  }

  fault(): string | undefined {
    const fault = this.live.fault()
    if (fault !== undefined || this.storedBytes < this.parts.settings.current.log.logMaxBytes) return fault
    return 'the room log is full (NESTWIRE_LOG_MAX_BYTES)'
  }

  isInDoubt(): boolean {
    return this.live.isInDoubt
  }

  /** What was appended before is committed first. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private repeatIn(state: RoomState, sender: UserId, messageId: Buffer): Promise<Repeat> | undefined {
    const place = this.live.ids.find({ room: state.salt, sender, messageId })
    if (place === undefined) return undefined
    const repeat: Repeat = { isRepeat: true, ...place }
    if (place.seq <= state.committed) return Promise.resolve(repeat)
    // Without an outcome its commit has failed, and what is on disk will only be known when the store is open again.
    return this.live.line.outcomeOf(state, place.seq)?.then(() => repeat)
  }

  /** What is beyond the count or the age is not shown, even if it has not been removed yet. */
  private oldestOf({ first, committed, shownFrom }: RoomState): number {
    return Math.max(first, shownFrom, committed - this.parts.settings.current.log.historyMaxRecords + 1)
  }

  /** Expired is what nothing younger stands before: a clock that was set back makes no hole in what is shown. */
  private async expiredHidden(room: RoomId): Promise<void> {
    while (!this.live.reading(() => this.keeper.hideExpired(this.ledger.stateOf(room)))) await nextTurn()
  }

  private sweep(): void {
    if (this.sweeping !== undefined || this.live.fault() !== undefined) return
    this.sweeping = this.keeper
      .sweep()
      .catch((error: unknown) => this.logger.warn(`history was not trimmed: ${reasonOf(error)}`))
      .finally(() => (this.sweeping = undefined))
  }

  private async shutDown(): Promise<void> {
    this.stopSweeping()
    await this.live.drain()
    await this.sweeping
    await this.live.close()
  }
}

/** Its records go later. */
function removeRoom({ batch }: CommitBuild, { name, room }: RoomState): void {
  batch.remove(roomKey(name))
  batch.put(deletedKey(room), Buffer.alloc(0))
}

function take(records: Iterable<RoomRecord>, { maxRecords, maxBytes }: ReadLimit): RoomRecord[] {
  const taken: RoomRecord[] = []
  let bytes = 0
  for (const record of records) {
    if (taken.length >= maxRecords) break
    bytes += record.body.length
    if (taken.length > 0 && bytes > maxBytes) break
    taken.push(record)
  }
  return taken
}
