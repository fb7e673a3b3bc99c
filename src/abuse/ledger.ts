/**
 * What is remembered of strangers, in bounded memory. Each entry means something until a known time, which is also how
 * much harm it records: an address that did little is soon as good as unknown. When there is no room, the entry that ends
 * first makes some, of a few that are looked at in turn, and never for one that would end before it. So nobody gets rid of
 * a long entry by making many short ones, however many addresses they come from. Pure.
 */

/** Looked at for each new key: the more, the surer that the one that goes is among the least. 16 take 2 µs. */
const LOOKS = 16

interface LedgerRules<Value> {
  /** Until when an entry means anything. */
  readonly endsAtMs: (value: Value) => number
  /** Live; a lower one is reached as entries end. */
  readonly maxEntries: () => number
}

export class Ledger<Key, Value> {
  private readonly entries = new Map<Key, Value>()
  /** Goes round all entries, a few for each new key; what has ended is gone after one round. */
  private hand = this.entries.entries()

  constructor(private readonly rules: LedgerRules<Value>) {}

  get size(): number {
    return this.entries.size
  }

  /** `undefined` for what has ended, too. */
  get(key: Key, nowMs: number): Value | undefined {
    const value = this.entries.get(key)
    return value === undefined || this.rules.endsAtMs(value) <= nowMs ? undefined : value
  }

  /** False if all that were looked at mean more: the entry is not kept, and its key stays unknown. */
  set(key: Key, value: Value, nowMs: number): boolean {
    if (!this.entries.has(key)) {
      const least = this.sweep(nowMs)
      if (this.entries.size >= this.rules.maxEntries()) {
        if (least === undefined || least.endsAtMs >= this.rules.endsAtMs(value)) return false
        this.entries.delete(least.key)
      }
    }
    this.entries.set(key, value)
    return true
  }

  delete(key: Key): boolean {
    return this.entries.delete(key)
  }

  /** All that have not ended. */
  *current(nowMs: number): Generator<readonly [Key, Value]> {
    for (const entry of this.entries) if (this.rules.endsAtMs(entry[1]) > nowMs) yield entry
  }

  /** Drops what has ended of the next few; the one of the others that ends first. */
  private sweep(nowMs: number): { readonly key: Key; readonly endsAtMs: number } | undefined {
    let least: { readonly key: Key; readonly endsAtMs: number } | undefined
    for (let looks = Math.min(LOOKS, this.entries.size); looks > 0; looks -= 1) {
      const [key, value] = this.next()
      const endsAtMs = this.rules.endsAtMs(value)
      if (endsAtMs <= nowMs) this.entries.delete(key)
      else if (least === undefined || endsAtMs < least.endsAtMs) least = { key, endsAtMs }
    }
    return least
  }

  /** There is an entry. */
  private next(): readonly [Key, Value] {
    const next = this.hand.next()
    if (next.done !== true) return next.value
    this.hand = this.entries.entries()
    return this.hand.next().value as [Key, Value]
  }
}
