/** Requests by pattern, as plain numbers. Only of patterns that have a handler: what strangers ask for is all `other`. */
import { FixedHistogram } from '../fixed-histogram.js'
import type { ErrorCode } from '../protocol/error-codes.js'

export class PatternCounters {
  /** Requests and events, those that no handler saw included. */
  count = 0
  /** Of requests that were handled, until their answer was queued or nobody waited for it any more. */
  readonly seconds = new FixedHistogram()
  readonly errors = new Map<ErrorCode, number>()

  failed(code: ErrorCode): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1)
  }
}

export class RequestCounters {
  inFlight = 0
  readonly other = new PatternCounters()
  private readonly byPattern = new Map([['other', this.other]])

  /** The pattern has a handler. */
  add(pattern: string): void {
    if (!this.byPattern.has(pattern)) this.byPattern.set(pattern, new PatternCounters())
  }

  of(pattern: string): PatternCounters {
    return this.byPattern.get(pattern) ?? this.other
  }

  [Symbol.iterator](): Iterator<readonly [pattern: string, counters: PatternCounters]> {
    return this.byPattern.entries()
  }
}
