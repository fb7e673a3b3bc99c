/** Looks through entries in memory without holding up the event loop, as a sorted list of hundreds of thousands does. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StateKey, StateTable } from './state-store.js'

const LOOKS_PER_TURN = 2_000

/** Entries of one table. Of what is put or removed meanwhile some is found, and some is not. */
export async function* scannedGroups<Entry extends { readonly key: StateKey }>(
  groups: Iterable<ReadonlyMap<string, Entry>>,
  table: StateTable,
): AsyncIterable<Entry> {
  let looks = 0
  for (const group of groups) {
    for (const entry of group.values()) {
      if (entry.key[0] === table) yield entry
      looks += 1
      if (looks % LOOKS_PER_TURN === 0) await nextTurn()
    }
  }
}
