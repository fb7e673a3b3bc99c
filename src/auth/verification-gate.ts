import { FixedHistogram } from '../fixed-histogram.js'

/**
 * At most so many signature checks at once; the rest wait in order. They run on libuv's few threads, which the log's
 * commits need too: 10,000 checks at once made commits take 328 ms.
 * The queue holds one entry a connection at most, since `AuthService` lets each check one token at a time.
 */
export class VerificationGate {
  /** Seconds from the wish for a check to its end, whatever it came to. */
  readonly seconds = new FixedHistogram()
  #inFlight = 0
  /** Waiters from `#head` on; a shifted array would cost O(n) a waiter in a login storm. */
  #waiting: (() => void)[] = []
  #head = 0

  /** `maxInFlight` is asked at each start and end, so that it can change. */
  constructor(private readonly maxInFlight: () => number) {}

  get waiting(): number {
    return this.#waiting.length - this.#head
  }

  /** Runs `check` when its turn comes; settles as it does. */
  async run<Result>(check: () => Promise<Result>): Promise<Result> {
    const startedAtMs = performance.now()
    await this.turn()
    try {
      return await check()
    } finally {
      this.seconds.observe((performance.now() - startedAtMs) / 1000)
      this.#inFlight -= 1
      this.startNext()
    }
  }

  private turn(): Promise<void> | undefined {
    if (this.waiting > 0 || this.#inFlight >= this.maxInFlight()) {
      return new Promise((resolve) => this.#waiting.push(resolve))
    }
    this.#inFlight += 1
    return undefined
  }

  private startNext(): void {
    while (this.waiting > 0 && this.#inFlight < this.maxInFlight()) {
      this.#inFlight += 1
      this.#waiting[this.#head]?.()
      this.#head += 1
    }
    if (this.waiting > 0) return
    this.#waiting = []
    this.#head = 0
  }
}
