/**
 * What must outlive the process beside the records: who belongs to which room, who is banned, which sessions moved on.
 * Small values under structured keys, kept by the engine that keeps the log; every engine passes
 * `test/contracts/state-store.contract.ts`. What fails rejects with a `LogFault`.
 *
 * Writes take effect in call order. An engine that can commits those of one turn of the event loop together with the
 * records appended in it; nobody may rely on more than the order.
 */

/** What a key is about; each table belongs to one folder of `src`. */
export type StateTable = 'room' | 'member' | 'ban' | 'session' | 'epoch'

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
  /** Puts only if the value is `expected` (`undefined`: there is none), earlier calls included; resolves once that is committed. */
  replace(key: StateKey, expected: Buffer | undefined, value: Buffer): Promise<boolean>
  /** Resolves once committed; idempotent. */
  remove(key: StateKey): Promise<void>
  /** Committed entries whose keys begin with the names of `prefix`, in the order of their bytes. */
  entries(prefix: StateKey): AsyncIterable<StateEntry>
}
