/**
 * The store that is open now, the line of its commits, and what happens when the disk under it fails: writes are
 * refused, the store is opened again until that works, and what is found there counts.
 */
import { mkdir } from 'node:fs/promises'
import { Logger } from '@nestjs/common'
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import { StartUpError } from '../../config/start-up-error.js'
import { LogFault, reasonOf } from '../log-fault.js'
import { CommitLine, type CommitLineOwner } from './commit-line.js'
import { DirectoryLock } from './directory-lock.js'
import { IdJournal } from './id-journal.js'
import { LogStore } from './log-store.js'
import { RetryUntilMended } from './retry-until-mended.js'
import { DamagedStore } from './store-file.js'

/** A disk that takes longer for one commit counts as broken until it answers. */
const STALLED_COMMIT_MS = 10_000

export interface LiveStoreParts {
  /** Made if it is not there; used by one process at a time. */
  readonly folder: string
  readonly settings: Settings
  readonly clock: Clock
}

/** What the rooms have to do with it. */
interface RoomsOfStore {
  readonly retain: CommitLineOwner['retain']
  /** From here on `store` is the truth, whatever was not committed. */
  readonly restart: (store: LogStore) => void
}

export class LiveStore {
  readonly line: CommitLine
  readonly ids: IdJournal
  private readonly logger = new Logger('RoomLog')
  private readonly retry: RetryUntilMended
  private rooms: RoomsOfStore | undefined
  /** Why the store cannot be written. */
  private diskFault: string | undefined
  /** Absent for moments while it is opened again. */
  private current: LogStore | undefined
  private isClosing = false

  private constructor(
    private readonly parts: LiveStoreParts,
    private readonly lock: DirectoryLock,
    store: LogStore,
  ) {
    this.current = store
    this.ids = new IdJournal(parts, store)
    const owner: CommitLineOwner = {
      retain: (build, added) => this.rooms?.retain(build, added),
      onFailure: (cause) => this.onFailure(cause),
      onSuccess: () => this.retry.reset(),
      uptimeMs: () => parts.clock.uptimeMs(),
    }
    this.line = new CommitLine(store, owner, this.ids)
    this.retry = new RetryUntilMended(parts.clock, () => this.reopen())
  }

  /** Rejects with `StartUpError`: another process has the folder, it cannot be written, or its store is not usable. */
  static async open(parts: LiveStoreParts): Promise<LiveStore> {
    const { folder, settings } = parts
    let lock: DirectoryLock | undefined
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      lock = await DirectoryLock.acquire(folder)
      return new LiveStore(parts, lock, await LogStore.open(folder, settings.current.log.logMaxBytes))
    } catch (error) {
      await lock?.release()
      throw explained(error, folder)
    }
  }

  /** Before the first commit. */
  serve(rooms: RoomsOfStore): void {
    this.rooms = rooms
  }

  get store(): LogStore {
    if (this.current === undefined) throw LogFault.unavailable('the room log is being opened again')
    return this.current
  }

  /** From a failed commit until the store has been opened again. */
  get isInDoubt(): boolean {
    return this.diskFault !== undefined
  }

  /** Why nothing can be written now. */
  fault(): string | undefined {
    if (this.isClosing) return 'the room log is closed'
    if (this.diskFault !== undefined) return this.diskFault
    if (this.line.commitAgeMs > STALLED_COMMIT_MS) return 'the disk under the room log does not answer'
    return undefined
  }

  refuseWhenBroken(): void {
    const fault = this.fault()
    if (fault !== undefined) throw this.refusal(fault)
  }

  refusal(fault: string): LogFault {
    return LogFault.unavailable(fault, { retryAfterMs: this.retry.delayLeftMs })
  }

  /** Throws a `LogFault`, whatever goes wrong in LMDB. */
  reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw asFault(error)
    }
  }

  /** From here on nothing is taken; resolves when what was taken before is committed. */
  async drain(): Promise<void> {
    this.isClosing = true
    await this.retry.stop()
    await this.line.settled()
  }

  async close(): Promise<void> {
    await this.current?.close()
    await this.lock.release()
  }

  private onFailure(cause: unknown): void {
    this.diskFault = `the room log could not be written: ${reasonOf(cause)}`
    this.logger.error(`${this.diskFault}; appends are refused until that works again`)
    // Whoever has the folder next would have its store opened under it.
    if (!this.isClosing) this.retry.start()
  }

  private async reopen(): Promise<void> {
    const store = this.current
    this.current = undefined
    await store?.close()
    this.current = await LogStore.open(this.parts.folder, this.parts.settings.current.log.logMaxBytes)
    this.rooms?.restart(this.current)
    await this.current.probe()
    // Up to 250,000 ids are read back in one go: once the disk works, not with each attempt.
    this.ids.restart(this.current)
    this.line.restart(this.current)
    this.diskFault = undefined
    this.logger.log('the room log can be written again')
  }
}

export const asFault = (error: unknown): LogFault =>
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
