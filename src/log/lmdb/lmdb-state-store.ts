/**
 * The state in the store of the records: its writes are steps of the same commits, and fail with them. It is small beside
 * the records and bounded by its owners, so a full log takes it all the same: who leaves or is banned must be able to.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { textOfKey } from '../state-key.js'
import type { StateEntry, StateKey, StateStore, StateTable } from '../state-store.js'
import type { LiveStore } from './live-store.js'
import { stateKey } from './store-format.js'

/** Read in one go: about 1 ms of the event loop. */
const CHUNK_ENTRIES = 256

interface PendingWrite {
  /** `undefined`: the entry goes. */
  readonly value: Buffer | undefined
  readonly committed: Promise<void>
}

export class LmdbStateStore implements StateStore {
  /** The last call for each key that is not committed yet. */
  private readonly pending = new Map<string, PendingWrite>()

  constructor(private readonly live: LiveStore) {}

  async get(key: StateKey): Promise<Buffer | undefined> {
    return this.committed(textOfKey(key))
  }

  async put(key: StateKey, value: Buffer): Promise<void> {
    await this.write(textOfKey(key), value)
  }

  async replace(key: StateKey, expected: Buffer | undefined, value: Buffer | undefined): Promise<boolean> {
    const text = textOfKey(key)
    const earlier = this.pending.get(text)
    if (!isSame(earlier === undefined ? this.committed(text) : earlier.value, expected)) {
      // What spoke against it may still fail.
      await earlier?.committed
      return false
    }
    await this.write(text, value)
    return true
  }

  async remove(key: StateKey): Promise<void> {
    await this.write(textOfKey(key), undefined)
  }

  async *entries(prefix: StateKey): AsyncIterable<StateEntry> {
    const text = textOfKey(prefix)
    for (let chunk = this.chunk(text); ; chunk = this.chunk(text, chunk.at(-1)?.key)) {
      yield* chunk
      if (chunk.length < CHUNK_ENTRIES) return
      await nextTurn()
    }
  }

  scan(table: StateTable): AsyncIterable<StateEntry> {
    return this.entries([table])
  }

  /** No cursor is left open: the store may be closed meanwhile. */
  private chunk(prefix: string, after?: StateKey): StateEntry[] {
    return this.live.reading(() => {
      const entries: StateEntry[] = []
      for (const entry of this.live.store.states(prefix, after)) if (entries.push(entry) === CHUNK_ENTRIES) break
      return entries
    })
  }

  private committed(text: string): Buffer | undefined {
    return this.live.reading(() => this.live.store.state(text))
  }

  /** Throws when nothing can be written. */
  private write(text: string, value: Buffer | undefined): Promise<void> {
    this.live.refuseWhenBroken()
    const committed = this.live.line
      .step(({ batch }) => {
        if (value === undefined) batch.remove(stateKey(text))
        else batch.put(stateKey(text), value)
      })
      .finally(() => {
        if (this.pending.get(text) === write) this.pending.delete(text)
      })
    const write: PendingWrite = { value, committed }
    this.pending.set(text, write)
    return committed
  }
}

const isSame = (current: Buffer | undefined, expected: Buffer | undefined): boolean =>
  current === undefined || expected === undefined ? current === expected : current.equals(expected)
