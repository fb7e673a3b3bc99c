/** The state of a server whose log is in memory: committed means stored in this process, and a restart forgets all. */
import { textOfKey } from './state-key.js'
import { scannedGroups } from './scanned-groups.js'
import type { StateEntry, StateKey, StateStore, StateTable } from './state-store.js'

export class MemoryStateStore implements StateStore {
  /** By table and first name, so that the members of a room are found without a look at those of all others. */
  private readonly groups = new Map<string, Map<string, StateEntry>>()

  async get(key: StateKey): Promise<Buffer | undefined> {
    return this.groups.get(groupOf(key))?.get(textOfKey(key))?.value
  }

  async put(key: StateKey, value: Buffer): Promise<void> {
    this.set(key, value)
  }

  async replace(key: StateKey, expected: Buffer | undefined, value: Buffer | undefined): Promise<boolean> {
    const current = this.groups.get(groupOf(key))?.get(textOfKey(key))?.value
    if (current === undefined ? expected !== undefined : expected === undefined || !current.equals(expected))
      return false
    if (value === undefined) this.delete(key)
    else this.set(key, value)
    return true
  }

  async remove(key: StateKey): Promise<void> {
    this.delete(key)
  }

  async *entries(prefix: StateKey): AsyncIterable<StateEntry> {
    const start = textOfKey(prefix)
    const groups = prefix.length > 1 ? [this.groups.get(groupOf(prefix)) ?? []] : this.groups.values()
    const found: { readonly bytes: Buffer; readonly entry: StateEntry }[] = []
    for (const group of groups) {
      for (const [text, entry] of group) if (text.startsWith(start)) found.push({ bytes: Buffer.from(text), entry })
    }
    for (const { entry } of found.toSorted((a, b) => a.bytes.compare(b.bytes))) yield entry
  }

  scan(table: StateTable): AsyncIterable<StateEntry> {
    return scannedGroups(this.groups.values(), table)
  }

  private delete(key: StateKey): void {
    const group = this.groups.get(groupOf(key))
    group?.delete(textOfKey(key))
    if (group?.size === 0) this.groups.delete(groupOf(key))
  }

  private set(key: StateKey, value: Buffer): void {
    const name = groupOf(key)
    const group = this.groups.get(name) ?? new Map<string, StateEntry>()
    this.groups.set(name, group.set(textOfKey(key), { key, value }))
  }
}

const groupOf = ([table, first = '']: StateKey): string => textOfKey([table, first])
