/**
 * All entries of the state bucket in memory, each with the revision that made it; a removed one is kept, without a
 * value, as long as the bucket remembers it. Never goes back: an older revision changes nothing.
 */
import { StateGroups } from '../state-groups.js'
import type { SharedEntry, StateEntry, StateKey, StateTable } from '../state-store.js'

export interface MirroredEntry {
  readonly key: StateKey
  /** `undefined`: it was removed. */
  readonly value: Buffer | undefined
  /** 0: the bucket knows nothing of it. */
  readonly revision: number
}

export class StateMirror {
  private readonly groups = new StateGroups<MirroredEntry>()

  /** Removed ones too. */
  get size(): number {
    return this.groups.size
  }

  get(key: StateKey): MirroredEntry {
    return this.groups.get(key) ?? { key, value: undefined, revision: 0 }
  }

  /** Whether it is news. */
  set(entry: MirroredEntry): boolean {
    if (entry.revision <= this.get(entry.key).revision) return false
    this.groups.set(entry)
    return true
  }

  /** The bucket forgot that there was an entry; not if it has one again. */
  forget(key: StateKey, revision: number): void {
    if (this.get(key).revision === revision) this.groups.delete(key)
  }

  /** Removed ones too, in any order. */
  all(): readonly MirroredEntry[] {
    return this.groups.all()
  }

  async *scan(table: StateTable): AsyncIterable<StateEntry> {
    for await (const { key, value } of this.groups.scan(table)) if (value !== undefined) yield { key, value }
  }

  /** In the order of the bytes of the keys. */
  entries(prefix: StateKey): readonly SharedEntry[] {
    return this.groups
      .below(prefix)
      .flatMap(({ key, value, revision }) => (value === undefined ? [] : [{ key, value, revision }]))
  }
}
