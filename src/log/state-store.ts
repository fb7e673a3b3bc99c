/**
 * What must outlive the process beside the records: who belongs to which room, who is banned, which sessions moved on.
 * Small values under structured keys, kept by the engine that keeps the log; every engine passes
 * `test/contracts/state-store.contract.ts`. What fails rejects with a `LogFault`.
 *
 * Writes take effect in call order. An engine that can commits those of one turn of the event loop together with the
 * records appended in it; nobody may rely on more than the order.
 */

/** What a key is about; each table belongs to one folder of `src`. */
export type StateTable = 'room' | 'member' | 'ban' | 'session' | 'epoch' | 'node'

/** Names of rooms, users and sessions: any text without U+0000, 128 bytes each. */
export type StateKey = readonly [table: StateTable, ...names: string[]]

export interface StateEntry {
  readonly key: StateKey
  readonly value: Buffer
}

export interface StateStore {
  /** As of the last commit. */
  get(key: StateKey): Promise<Buffer | undefined>
  /** Resolves once committed. `value` belongs to the store from here on. */
  put(key: StateKey, value: Buffer): Promise<void>
  /**
   * Puts, or removes for `undefined`, only if the value is `expected` (`undefined`: there is none), earlier calls
   * included; resolves once that is committed. `note` as for `remove`.
   */
  replace(key: StateKey, expected: Buffer | undefined, value: Buffer | undefined, note?: Buffer): Promise<boolean>
  /** Resolves once committed; idempotent. `note` is for those who watch a shared store, and kept by nobody. */
  remove(key: StateKey, note?: Buffer): Promise<void>
  /** Committed entries whose keys begin with the names of `prefix`, in the order of their bytes. */
  entries(prefix: StateKey): AsyncIterable<StateEntry>
  /** All committed entries of a table in any order, a few in each turn of the event loop; of what changes meanwhile some is told. */
  scan(table: StateTable): AsyncIterable<StateEntry>
}

export interface SharedEntry extends StateEntry {
  /** Grows with every write of the whole store: what has a lower one was written before. */
  readonly revision: number
}

/** An entry as it is now. */
export interface StateChange {
  readonly key: StateKey
  /** `undefined`: it was removed. */
  readonly value: Buffer | undefined
  /** What whoever removed it had to say. */
  readonly note: Buffer | undefined
  /** This node wrote it. */
  readonly isOwn: boolean
}

/** A store that several nodes write to. */
export interface SharedStateStore extends StateStore {
  /** What `get` resolves with, at once: as this node has heard of it, and never older than what it wrote. */
  current(key: StateKey): Buffer | undefined
  /** What `entries` gives, at once. */
  currentEntries(prefix: StateKey): readonly SharedEntry[]
  /**
   * Calls `listener` for every change from now on, in the order in which the store took them, until the returned function
   * is called. One that is older than what this node wrote last of that entry is not told. Own writes are told too, before
   * or after their promise resolves; `current` shows them by then.
   */
  watch(listener: (change: StateChange) => void): () => void
  /** Resolves when `watch` has told all that the store had taken when this node's last write to `key` resolved. */
  caughtUp(key: StateKey): Promise<void>
}
