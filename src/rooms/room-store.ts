/**
 * Brings the store to what memory says of rooms: a key that changed is written with what `RoomRegistry` says of it at that
 * moment, or removed. So writes may be repeated, and the last one is always right.
 *
 * What could not be written stays noted until it is; meanwhile nobody joins, so that only what exists already can be noted.
 * Keys that are on their way or noted are at most `maxUnsettledKeys`.
 */
import { Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { LogFault, reasonOf } from '../log/log-fault.js'
import type { RoomId } from '../protocol/ids.js'
import type { RoomKey } from './room-key.js'
import type { RoomRegistry } from './room-registry.js'
import type { Removal, RoomWrites } from './room-writes.js'
import type { Room } from './room.js'
import type { SavedRooms } from './saved-rooms.js'

const MAX_UNSETTLED_KEYS = 100_000
/** A ban that ends the membership of an owner: ban, member, room. */
const MAX_KEYS_OF_CHANGE = 3
const RETRY_INTERVAL_MS = 250
/** Writing 500 keys takes 1 ms of the event loop. */
const STEP_KEYS = 500

interface RoomStoreParts {
  readonly writes: RoomWrites
  readonly readRooms: () => Promise<SavedRooms>
  readonly registry: RoomRegistry
  readonly clock: Pick<Clock, 'every'>
  readonly maxUnsettledKeys?: number
}

interface UnsavedKey {
  readonly key: RoomKey
  readonly removal: Removal | undefined
}

export class RoomStore implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('RoomStore')
  /** The newest write of each key that is on its way. */
  private readonly writes = new Map<string, Promise<void>>()
  private readonly unsaved = new Map<string, UnsavedKey>()
  private clearing: Promise<void> = Promise.resolve()
  private retrying: Promise<void> | undefined
  private stopTicking: (() => void) | undefined
  private tellSettled: (key: RoomKey) => void = () => undefined

  constructor(private readonly parts: RoomStoreParts) {}

  /** All rooms are there before anybody is served. Rejects with `StartUpError`. */
  async onModuleInit(): Promise<void> {
    const { rooms, stale } = await this.parts.readRooms()
    this.parts.registry.restore(rooms)
    await this.saveInSteps(stale)
  }

  /** Calls `listener` for each key whose last write is committed. */
  onSettled(listener: (key: RoomKey) => void): void {
    this.tellSettled = listener
  }

  /** A write of it is on its way, or still to be made. */
  isUnsettled(key: RoomKey): boolean {
    const text = textOf(key)
    return this.writes.has(text) || this.unsaved.has(text)
  }

  /** Before a change is made: throws LOG_UNAVAILABLE while too much waits for the disk. */
  refuseWhenFull(): void {
    const { maxUnsettledKeys = MAX_UNSETTLED_KEYS } = this.parts
    if (this.writes.size + this.unsaved.size + MAX_KEYS_OF_CHANGE <= maxUnsettledKeys) return
    throw LogFault.unavailable('too many changes of rooms wait for the disk', { retryAfterMs: RETRY_INTERVAL_MS })
  }

  /** Before a join is made: throws LOG_UNAVAILABLE while the disk lags behind memory, too. */
  refuseWhenBehind(): void {
    this.refuseWhenFull()
    if (this.unsaved.size === 0) return
    throw LogFault.unavailable('changes of rooms are still to be saved', { retryAfterMs: RETRY_INTERVAL_MS })
  }

  /**
   * After a change was made. Resolves once committed; rejects with a `LogFault`, and saves it later. `removal` is about
   * the membership among the keys.
   */
  async save(keys: readonly RoomKey[], removal?: Removal): Promise<void> {
    await Promise.all(keys.map((key) => this.write(key, removal)))
  }

  /** After a change turned out to have been made before: resolves once that is committed. */
  async settled(keys: readonly RoomKey[]): Promise<void> {
    await Promise.all(
      keys.map((key) => {
        const text = textOf(key)
        return this.unsaved.has(text) ? this.write(key) : (this.writes.get(text) ?? Promise.resolve())
      }),
    )
  }

  /**
   * Clears away what was said of a room that is gone, apart from its last entries: rooms after each other, in steps. What
   * is left when the disk fails goes at the next start; until then it belongs to no room.
   */
  clear(room: Room): Promise<void> {
    if (room.banCount > 0) {
      const keys = Array.from(room.bans(), (user): RoomKey => ['ban', room.id, user])
      this.clearing = this.clearing.then(() => this.saveInSteps(keys))
    }
    return this.clearing
  }

  /** The log closes after it: a last attempt for what is not saved. */
  async onApplicationShutdown(): Promise<void> {
    this.retry()
    await this.retrying
    await this.clearing
    this.stopRetrying()
  }

  private write(key: RoomKey, latest?: Removal): Promise<void> {
    const text = textOf(key)
    const removal = latest ?? this.unsaved.get(text)?.removal
    this.unsaved.delete(text)
    const isLast = (): boolean => this.writes.get(text) === writing && this.writes.delete(text)
    const writing: Promise<void> = this.parts.writes.write(key, removal).then(
      () => {
        if (isLast() && !this.unsaved.has(text)) this.tellSettled(key)
      },
      (error: unknown) => {
        isLast()
        this.note(text, key, removal)
        throw error
      },
    )
    this.writes.set(text, writing)
    return writing
  }

  private note(text: string, key: RoomKey, removal: Removal | undefined): void {
    // Who is removed late may have come back meanwhile.
    this.unsaved.set(text, { key, removal: removal && { ...removal, isExact: true } })
    this.stopTicking ??= this.parts.clock.every(RETRY_INTERVAL_MS, () => this.retry())
  }

  private retry(): void {
    this.retrying ??= this.saveNoted().finally(() => (this.retrying = undefined))
  }

  private async saveNoted(): Promise<void> {
    try {
      // The first alone shows whether the store works again.
      for (let count = 1; this.unsaved.size > 0; count = STEP_KEYS) {
        await this.saveStep(firstOf(this.unsaved.values(), count))
      }
      this.stopRetrying()
    } catch {
      // noted again; the next tick tries again
    }
  }

  private stopRetrying(): void {
    this.stopTicking?.()
    this.stopTicking = undefined
  }

  /** Never rejects; stops at the first step that fails. */
  private async saveInSteps(keys: readonly RoomKey[]): Promise<void> {
    try {
      for (let start = 0; start < keys.length; start += STEP_KEYS) {
        await this.saveStep(keys.slice(start, start + STEP_KEYS))
        await new Promise(setImmediate)
      }
    } catch (error) {
      this.logger.warn(`what rooms left behind was not cleared away: ${reasonOf(error)}`)
    }
  }

  /** With a room that is gone goes its log. */
  private async saveStep(keys: readonly RoomKey[]): Promise<void> {
    const gone = keys.flatMap(([table, id]): RoomId[] => (table === 'room' && !this.parts.registry.get(id) ? [id] : []))
    await Promise.all([this.save(keys), ...gone.map((id) => this.parts.writes.forgetLog(id))])
  }
}

function firstOf(noted: Iterable<UnsavedKey>, count: number): RoomKey[] {
  const keys: RoomKey[] = []
  for (const { key } of noted) if (keys.push(key) === count) break
  return keys
}

const textOf = (key: RoomKey): string => key.join('\0')
