/**
 * The room log in a folder of its own: what it says is on disk. Reads answer from the last commit and wait for nobody.
 * When the disk fails it refuses appends, opens the store again until that works, and goes on from what it finds there.
 */
import { mkdir } from 'node:fs/promises'
import { Logger } from '@nestjs/common'
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import { StartUpError } from '../../config/start-up-error.js'
import { trustedSeq, type RoomId, type Seq } from '../../protocol/ids.js'
import type { RoomRecord } from '../../protocol/packets.js'
import { LogFault, reasonOf } from '../log-fault.js'
import { expiryOf } from '../retention.js'
import type { NewRecord, ReadLimit, RoomHead, RoomLog } from '../room-log.js'
import type { CommitBuild } from './commit-group.js'
import { CommitLine } from './commit-line.js'
import { DirectoryLock } from './directory-lock.js'
import { HistoryKeeper } from './history-keeper.js'
import { LogStore } from './log-store.js'
import { RetryUntilMended } from './retry-until-mended.js'
import { RoomLedger, type RoomState } from './room-ledger.js'
import { DamagedStore } from './store-file.js'
import { deletedKey, roomKey } from './store-format.js'

const SWEEP_INTERVAL_MS = 1_000
/** A disk that takes longer for one commit counts as broken until it answers. */
const STALLED_COMMIT_MS = 10_000

interface LmdbRoomLogParts {
  /** Made if it is not there; used by one process at a time. */
  readonly folder: string
  readonly settings: Settings
  readonly clock: Clock
}

export class LmdbRoomLog implements RoomLog {
  private readonly logger = new Logger('RoomLog')
  private readonly ledger: RoomLedger
  private readonly line: CommitLine
  private readonly keeper: HistoryKeeper
  private readonly retry: RetryUntilMended
  private readonly stopSweeping: () => void
  private sweeping: Promise<void> | undefined
  /** Why the store cannot be written. */
  private diskFault: string | undefined
  /** Absent for moments while it is opened again. */
  private openStore: LogStore | undefined
  private closing: Promise<void> | undefined

  private constructor(
    private readonly parts: LmdbRoomLogParts,
    private readonly lock: DirectoryLock,
    store: LogStore,
  ) {
    const { clock, settings } = parts
    this.openStore = store
    this.ledger = new RoomLedger(store)
    this.line = new CommitLine(store, {
      retain: (build, state, added) => this.keeper.retain(build, state, added),
      onFailure: (cause) => this.onFailure(cause),
      onSuccess: () => this.retry.reset(),
      uptimeMs: () => clock.uptimeMs(),
    })
    const { ledger, line } = this
    this.keeper = new HistoryKeeper({ settings, clock, ledger, line, store: () => this.store })
    this.retry = new RetryUntilMended(clock, () => this.reopen())
    this.stopSweeping = clock.every(SWEEP_INTERVAL_MS, () => this.sweep())
  }

  /** Rejects with `StartUpError`: another process has the folder, it cannot be written, or its store is not usable. */
  static async open(parts: LmdbRoomLogParts): Promise<LmdbRoomLog> {
    const { folder, settings } = parts
    let lock: DirectoryLock | undefined
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      lock = await DirectoryLock.acquire(folder)
      return new LmdbRoomLog(parts, lock, await LogStore.open(folder, settings.current.log.logMaxBytes))
    } catch (error) {
      await lock?.release()
      throw explained(error, folder)
    }
  }

  append(room: RoomId, { kind, sender, body }: NewRecord): Promise<RoomRecord> {
    try {
      const fault = this.fault()
      if (fault !== undefined) throw LogFault.unavailable(fault, { retryAfterMs: this.retry.delayLeftMs })
      const state = this.ledger.stateOf(room)
      const prev = trustedSeq(state.assigned)
      state.assigned += 1
      const seq = trustedSeq(state.assigned)
      return this.line.append(state, { kind, seq, prev, timeMs: this.parts.clock.now(), sender, body })
    } catch (error) {
      return Promise.reject(asFault(error))
    }
  }

  async readAfter(room: RoomId, after: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    return this.reading(() => {
      const state = this.ledger.stateOf(room)
      const [from, to] = [Math.max(after + 1, this.oldestOf(state)), state.committed]
      if (from > to) return []
      return this.take(this.store.records({ room: state.room, from, to }, 'ascending'), limit)
    })
  }

  async readBefore(room: RoomId, before: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    return this.reading(() => {
      const state = this.ledger.stateOf(room)
      const [from, to] = [this.oldestOf(state), Math.min(before - 1, state.committed)]
      if (from > to) return []
      return this.take(this.store.records({ room: state.room, from, to }, 'descending'), limit).toReversed()
    })
  }

  async head(room: RoomId): Promise<RoomHead> {
    return this.reading(() => {
      const { salt, committed } = this.ledger.stateOf(room)
      return { epoch: this.ledger.epochOf(salt), seq: trustedSeq(committed) }
    })
  }

  async trim(room: RoomId, upTo: Seq): Promise<void> {
    this.refuseWhenBroken()
    await this.keeper.trim(room, upTo)
  }

  async deleteRoom(room: RoomId): Promise<void> {
    this.refuseWhenBroken()
    const state = this.reading(() => this.ledger.stateOf(room))
    await this.ledger.delete(state, async () => {
      if (state.isStored || state.assigned > 0) await this.line.step((build) => removeRoom(build, state))
    })
  }

  /** Of all records, with what each takes beside its bytes. */
  get storedBytes(): number {
    return this.line.bytes
  }

  fault(): string | undefined {
    if (this.closing !== undefined) return 'the room log is closed'
    if (this.diskFault !== undefined) return this.diskFault
    if (this.line.commitAgeMs > STALLED_COMMIT_MS) return 'the disk under the room log does not answer'
    if (this.storedBytes >= this.parts.settings.current.log.logMaxBytes) {
      return 'the room log is full (NESTWIRE_LOG_MAX_BYTES)'
    }
    return undefined
  }

  /** What was appended before is committed first. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private get store(): LogStore {
    if (this.openStore === undefined) throw LogFault.unavailable('the room log is being opened again')
    return this.openStore
  }

  /** Whatever goes wrong in LMDB while reading. */
  private reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw asFault(error)
    }
  }

  private refuseWhenBroken(): void {
    if (this.closing !== undefined) throw LogFault.unavailable('the room log is closed')
    const retryAfterMs = this.retry.delayLeftMs
    if (this.diskFault !== undefined) throw LogFault.unavailable(this.diskFault, { retryAfterMs })
  }

  /** What is beyond the count is not shown, even if it has not been removed yet. */
  private oldestOf({ first, committed }: RoomState): number {
    return Math.max(first, committed - this.parts.settings.current.log.historyMaxRecords + 1)
  }

  private take(records: Iterable<RoomRecord>, { maxRecords, maxBytes }: ReadLimit): RoomRecord[] {
    const expiredMs = expiryOf(this.parts.settings.current.log, this.parts.clock.now())
    const taken: RoomRecord[] = []
    let bytes = 0
    for (const record of records) {
      if (taken.length >= maxRecords) break
      if (record.timeMs <= expiredMs) continue
      bytes += record.body.length
      if (taken.length > 0 && bytes > maxBytes) break
      taken.push(record)
    }
    return taken
  }

  private onFailure(cause: unknown): void {
    this.diskFault = `the room log could not be written: ${reasonOf(cause)}`
    this.logger.error(`${this.diskFault}; appends are refused until that works again`)
    this.retry.start()
  }

  private async reopen(): Promise<void> {
    const store = this.openStore
    this.openStore = undefined
    await store?.close()
    this.openStore = await LogStore.open(this.parts.folder, this.parts.settings.current.log.logMaxBytes)
    this.ledger.restart(this.openStore)
    await this.openStore.probe()
    this.line.restart(this.openStore)
    this.diskFault = undefined
    this.logger.log('the room log can be written again')
  }

  private sweep(): void {
    if (this.sweeping !== undefined || this.diskFault !== undefined || this.closing !== undefined) return
    this.sweeping = this.keeper
      .sweep()
      .catch((error: unknown) => this.logger.warn(`history was not trimmed: ${reasonOf(error)}`))
      .finally(() => (this.sweeping = undefined))
  }

  private async shutDown(): Promise<void> {
    this.stopSweeping()
    await this.retry.stop()
    await this.line.settled()
    await this.sweeping
    await this.openStore?.close()
    await this.lock.release()
  }
}

/** Its records go later. */
function removeRoom({ batch }: CommitBuild, { name, room }: RoomState): void {
  batch.remove(roomKey(name))
  batch.put(deletedKey(room), Buffer.alloc(0))
}

const asFault = (error: unknown): LogFault =>
  error instanceof LogFault
    ? error
    : LogFault.unavailable(`the room log could not be read: ${reasonOf(error)}`, { cause: error })

function explained(error: unknown, folder: string): unknown {
  if (error instanceof StartUpError || !(error instanceof Error)) return error
  if (error instanceof DamagedStore || /^(?:Error: )?MDB_/.test(error.message)) {
    const reason = reasonOf(error)
    return new StartUpError(`the room log in ${folder} cannot be used: ${reason}; restore it, or move it away`, {
      cause: error,
    })
  }
  return new StartUpError(`the room log cannot be kept in ${folder} (NESTWIRE_DATA_DIR): ${reasonOf(error)}`, {
    cause: error,
  })
}
