/**
 * The ids of recent messages on disk: each commit adds those of its records, so that the same repeats are known after a
 * restart. Read back at an opening; what `RecentIds` has forgotten is removed in the background.
 *
 * Its time runs while the log is open: it grows with the uptime, goes on after a restart where the last entry stands, and
 * knows nothing of the wall clock. So an id may be known for longer than it must, and never for less.
 */
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import type { UserId } from '../../protocol/ids.js'
import { RecentIds, type IdKey, type Place } from '../recent-ids.js'
import type { Dropped } from './commit-group.js'
import { decodeIdEntry, ID_ENTRY_BYTES, IdEntry, idsInEntry, timesOfEntry } from './id-entry.js'
import type { LogStore, StoredIds } from './log-store.js'
import { idsKey } from './store-format.js'
import type { WriteBatch } from './write-batch.js'

/** Removing one takes 2 µs of the event loop. */
const STEP_ENTRIES = 500

interface IdJournalParts {
  readonly settings: Settings
  readonly clock: Pick<Clock, 'uptimeMs'>
}

export class IdJournal {
  private readonly recent: RecentIds
  /** Of the commit that is being built. */
  private entry: IdEntry | undefined
  /** Between the uptime and the journal's time; for good after the first opening. */
  private offsetMs: number | undefined
  /** Of the first id in the next entry. */
  private nextNumber = 0
  /** Ids before this number may go from the store: an entry says up to when ids may be forgotten. */
  private removable = 0

  /** Throws if the entries of `store` cannot be read. */
  constructor(
    private readonly parts: IdJournalParts,
    store: LogStore,
  ) {
    this.recent = new RecentIds({
      windowMs: () => parts.settings.current.log.dedupWindowMs,
      maxIds: () => this.maxIds,
      nowMs: () => this.nowMs,
    })
    this.restart(store)
  }

  get size(): number {
    return this.recent.size
  }

  find(key: IdKey): Place | undefined {
    return this.recent.find(key)
  }

  /** The key that `find` was asked for last; in the order in which the records go into the log. */
  addSought(place: Place): void {
    this.recent.addSought(place)
  }

  isSurelyNew(ageMs: number): boolean {
    return this.recent.isSurelyNew(ageMs)
  }

  /** Goes on with what `store` has: ids that were added and not committed never were. */
  restart(store: LogStore): void {
    const { entries, next, horizonMs } = this.newestOf(store)
    this.offsetMs ??= (entries[0] === undefined ? 0 : timesOfEntry(entries[0].value).atMs) - this.parts.clock.uptimeMs()
    const number = entries.at(-1)?.number ?? next
    this.recent.reset({ number, horizonMs })
    this.nextNumber = next
    // Of what is forgotten beyond the newest entry's horizon, as with a lower limit, only an entry to come will tell.
    this.removable = 0
    this.entry = undefined
    const senders = new Map<UserId, UserId>()
    for (const { value } of entries.toReversed()) {
      const { atMs } = timesOfEntry(value)
      for (const { key, place } of decodeIdEntry(value)) {
        const { room, messageId } = key
        const sender = senders.get(key.sender) ?? (senders.set(key.sender, key.sender) && key.sender)
        this.recent.find({ room, sender, messageId })
        this.recent.addSought(place, atMs)
      }
    }
  }

  /** The id of a record that goes into `batch`, where the record's value is `record`. */
  note(batch: WriteBatch, id: { room: number; seq: number; messageId: Buffer }, record: Buffer): void {
    if (this.entry?.add(id, record) === true) return
    this.end(batch)
    this.entry = new IdEntry(batch.allocate(ID_ENTRY_BYTES), { atMs: this.nowMs, horizonMs: this.recent.horizonMs })
    this.entry.add(id, record)
  }

  /** Behind the last of them. */
  end(batch: WriteBatch): void {
    if (this.entry === undefined) return
    batch.put(idsKey(this.nextNumber), this.entry.value)
    this.nextNumber += this.entry.ids
    this.entry = undefined
    this.removable = this.recent.first
  }

  /** Part of a commit. Removes entries whose ids are all forgotten, never the last; says whether there are more. */
  removeSome(batch: WriteBatch, store: LogStore): Dropped {
    let dropped = 0
    let before: number | undefined
    for (const number of store.idNumbers()) {
      if (number > this.removable) break
      if (dropped === STEP_ENTRIES) return { dropped, isMore: true }
      if (before !== undefined) {
        batch.remove(idsKey(before))
        dropped += 1
      }
      before = number
    }
    return { dropped, isMore: false }
  }

  private get maxIds(): number {
    return this.parts.settings.current.log.dedupMaxIds
  }

  private get nowMs(): number {
    return this.parts.clock.uptimeMs() + (this.offsetMs ?? 0)
  }

  /** Newest first, as many entries as it takes for all the ids that are kept. */
  private newestOf(store: LogStore): { entries: readonly StoredIds[]; next: number; horizonMs: number } {
    const entries: StoredIds[] = []
    let [next, horizonMs] = [0, -Infinity]
    for (const entry of store.ids()) {
      const times = timesOfEntry(entry.value)
      if (entries.length === 0) {
        next = entry.number + idsInEntry(entry.value)
        horizonMs = times.horizonMs
      }
      if (next - entry.number - idsInEntry(entry.value) >= this.maxIds) {
        return { entries, next, horizonMs: Math.max(horizonMs, times.atMs) }
      }
      entries.push(entry)
    }
    return { entries, next, horizonMs }
  }
}
