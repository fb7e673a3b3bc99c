/**
 * All entries of the state bucket in memory, each with the revision that made it; a removed one is kept, without a
 * value, as long as the bucket remembers it. Pure. Never goes back: an older revision changes nothing.
 */
import { scannedGroups } from '../scanned-groups.js'
import { textOfKey } from '../state-key.js'
import type { SharedEntry, StateEntry, StateKey, StateTable } from '../state-store.js'

export interface MirroredEntry {
  readonly key: StateKey
  /** `undefined`: it was removed. */
  readonly value: Buffer | undefined
  /** 0: the bucket knows nothing of it. */
  readonly revision: number
}

export class StateMirror {
  /** By table and first name, so that the members of a room are found without a look at those of all others. */
  private readonly groups = new Map<string, Map<string, MirroredEntry>>()
  private count = 0

  /** Removed ones too. */
  get size(): number {
    return this.count
  }

  get(key: StateKey): MirroredEntry {
    return this.groups.get(groupOf(key))?.get(textOfKey(key)) ?? { key, value: undefined, revision: 0 }
  }

  /** Whether it is news. */
  set(entry: MirroredEntry): boolean {
    if (entry.revision <= this.get(entry.key).revision) return false
    const name = groupOf(entry.key)
    const text = textOfKey(entry.key)
    const group = this.groups.get(name) ?? new Map<string, MirroredEntry>()
    if (!group.has(text)) this.count += 1
    this.groups.set(name, group.set(text, entry))
    return true
  }

  /** The bucket forgot that there was an entry; not if it has one again. */
  forget(key: StateKey, revision: number): void {
    if (this.get(key).revision !== revision) return
    const group = this.groups.get(groupOf(key))
    if (group?.delete(textOfKey(key)) === true) this.count -= 1
    if (group?.size === 0) this.groups.delete(groupOf(key))
  }

  /** Removed ones too, in any order. */
  all(): readonly MirroredEntry[] {
    return [...this.groups.values()].flatMap((group) => [...group.values()])
  }

  async *scan(table: StateTable): AsyncIterable<StateEntry> {
    for await (const { key, value } of scannedGroups(this.groups.values(), table))
      if (value !== undefined) yield { key, value }
  }

  /** In the order of the bytes of the keys. */
  entries(prefix: StateKey): readonly SharedEntry[] {
    const start = textOfKey(prefix)
    const groups = prefix.length > 1 ? [this.groups.get(groupOf(prefix)) ?? []] : this.groups.values()
    const found: { readonly bytes: Buffer; readonly entry: SharedEntry }[] = []
    for (const group of groups) {
      for (const [text, { key, value, revision }] of group) {
        if (value !== undefined && text.startsWith(start))
          found.push({ bytes: Buffer.from(text), entry: { key, value, revision } })
      }
    }
    return found.toSorted((a, b) => a.bytes.compare(b.bytes)).map(({ entry }) => entry)
  }
}

const groupOf = ([table, first = '']: StateKey): string => textOfKey([table, first])
