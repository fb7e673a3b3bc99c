/** When a client that has lost its connection tries again: the longer, the more often in a row it came to nothing. */
import type { NestwireError } from './errors.js'
import { judgeRetry, type RetryVerdict } from './retry.js'

/** A server that takes connections and then falls over must not find everybody back at once. */
const LASTING_MS = 5000

export class Backoff {
  private failures = 0
  private waitedMs = 0

  /** `random` returns 0 up to 1. */
  constructor(private readonly random: () => number) {}

  /** A connection has ended that was active for so long: one that lasted is the end of a row of failures. */
  ended(activeMs: number): void {
    if (activeMs >= Math.max(LASTING_MS, this.waitedMs)) this.failures = 0
  }

  /** Whether and when to try again; until `ended` says otherwise that will be one more failure. */
  next(error: NestwireError): RetryVerdict {
    const verdict = judgeRetry(error, this.failures, this.random)
    if (verdict.kind === 'stop') return verdict
    this.failures += 1
    this.waitedMs = verdict.delayMs
    return verdict
  }
}
