/** Entries in memory, by table and first name, so that the members of a room are found without a look at those of all others. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { textOfKey } from './state-key.js'
import type { StateKey, StateTable } from './state-store.js'

/** In one turn of the event loop. */
const LOOKS_PER_TURN = 2_000

export class StateGroups<Entry extends { readonly key: StateKey }> {
  private readonly groups = new Map<string, Map<string, Entry>>()
  private count = 0

  get size(): number {
    return this.count
  }

  get(key: StateKey): Entry | undefined {
    return this.groups.get(groupOf(key))?.get(textOfKey(key))
  }

  set(entry: Entry): void {
    const name = groupOf(entry.key)
    const text = textOfKey(entry.key)
    const group = this.groups.get(name) ?? new Map<string, Entry>()
    if (!group.has(text)) this.count += 1
    this.groups.set(name, group.set(text, entry))
  }

  delete(key: StateKey): void {
    const group = this.groups.get(groupOf(key))
    if (group?.delete(textOfKey(key)) === true) this.count -= 1
    if (group?.size === 0) this.groups.delete(groupOf(key))
  }

  /** In any order. */
  all(): readonly Entry[] {
    return [...this.groups.values()].flatMap((group) => [...group.values()])
  }

  /** In the order of the bytes of the keys. */
  below(prefix: StateKey): readonly Entry[] {
    const start = textOfKey(prefix)
    const groups = prefix.length > 1 ? [this.groups.get(groupOf(prefix)) ?? []] : this.groups.values()
    const found: { readonly bytes: Buffer; readonly entry: Entry }[] = []
    for (const group of groups) {
      for (const [text, entry] of group) if (text.startsWith(start)) found.push({ bytes: Buffer.from(text), entry })
    }
    return found.toSorted((a, b) => a.bytes.compare(b.bytes)).map(({ entry }) => entry)
  }

  /**
   * In any order, and without holding up the event loop, as a sorted list of hundreds of thousands does. Of what is put or
   * removed meanwhile some is found, and some is not.
   */
  async *scan(table: StateTable): AsyncIterable<Entry> {
    let looks = 0
    for (const group of this.groups.values()) {
      for (const entry of group.values()) {
        if (entry.key[0] === table) yield entry
        looks += 1
        if (looks % LOOKS_PER_TURN === 0) await nextTurn()
      }
    }
  }
}

const groupOf = ([table, first = '']: StateKey): string => textOfKey([table, first])
