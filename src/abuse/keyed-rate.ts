/**
 * How often something of each key may happen in a minute, all at once or spread. Of a key one number is kept: when its
 * allowance is whole again, which is also when it can be forgotten (the generic cell rate algorithm). Pure.
 */
import { Ledger } from './ledger.js'

const MINUTE_MS = 60_000
/** Sums of fractions of a minute are this exact after millions of them. */
const EXACT_MS = 1e-3

export type RateVerdict =
  /** It has been counted. */
  | { readonly kind: 'passed' }
  /** The same, but for want of room it is not remembered. */
  | { readonly kind: 'untracked' }
  /** Nothing was counted. */
  | { readonly kind: 'early'; readonly waitMs: number }

const PASSED: RateVerdict = { kind: 'passed' }
const UNTRACKED: RateVerdict = { kind: 'untracked' }

export class KeyedRate<Key> {
  private readonly wholeAtMs: Ledger<Key, number>

  constructor(maxKeys: () => number) {
    this.wholeAtMs = new Ledger({ endsAtMs: (wholeAtMs) => wholeAtMs, maxEntries: maxKeys })
  }

  /** Keys whose allowance is not whole. */
  get size(): number {
    return this.wholeAtMs.size
  }

  spend(key: Key, perMinute: number, nowMs: number): RateVerdict {
    const wholeAtMs = (this.wholeAtMs.get(key, nowMs) ?? nowMs) + MINUTE_MS / perMinute
    const waitMs = Math.ceil(wholeAtMs - nowMs - MINUTE_MS - EXACT_MS)
    if (waitMs > 0) return { kind: 'early', waitMs }
    return this.wholeAtMs.set(key, wholeAtMs, nowMs) ? PASSED : UNTRACKED
  }
}
