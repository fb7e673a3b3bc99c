import { FixedHistogram } from '../fixed-histogram.js'
import { Turnstile } from '../turnstile.js'

/**
 * At most so many signature checks at once; the rest wait in order. They run on libuv's few threads, which the log's
 * commits need too: 10,000 checks at once made commits take 328 ms.
 * The line holds one entry a connection at most, since `AuthService` lets each check one token at a time.
 */
export class VerificationGate {
  /** Seconds from the wish for a check to its end, whatever it came to. */
  readonly seconds = new FixedHistogram()
  readonly #checks: Turnstile

  /** `maxInFlight` is asked at each start and end, so that it can change. */
  constructor(maxInFlight: () => number) {
    this.#checks = new Turnstile(maxInFlight)
  }

  get waiting(): number {
    return this.#checks.waiting
  }

  /** Runs `check` when its turn comes; settles as it does. */
  async run<Result>(check: () => Promise<Result>): Promise<Result> {
    const startedAtMs = performance.now()
    try {
      return await this.#checks.pass(check)
    } finally {
      this.seconds.observe((performance.now() - startedAtMs) / 1000)
    }
  }
}
