/** The state of a server whose log is in memory: committed means stored in this process, and a restart forgets all. */
import { StateGroups } from './state-groups.js'
import type { StateEntry, StateKey, StateStore, StateTable } from './state-store.js'

export class MemoryStateStore implements StateStore {
  private readonly groups = new StateGroups<StateEntry>()

  async get(key: StateKey): Promise<Buffer | undefined> {
    return this.groups.get(key)?.value
  }

  async put(key: StateKey, value: Buffer): Promise<void> {
    this.groups.set({ key, value })
  }

  async replace(key: StateKey, expected: Buffer | undefined, value: Buffer | undefined): Promise<boolean> {
    const current = this.groups.get(key)?.value
    if (current === undefined ? expected !== undefined : expected === undefined || !current.equals(expected))
      return false
    if (value === undefined) this.groups.delete(key)
    else this.groups.set({ key, value })
    return true
  }

  async remove(key: StateKey): Promise<void> {
    this.groups.delete(key)
  }

  async *entries(prefix: StateKey): AsyncIterable<StateEntry> {
    yield* this.groups.below(prefix)
  }

  scan(table: StateTable): AsyncIterable<StateEntry> {
    return this.groups.scan(table)
  }
}
