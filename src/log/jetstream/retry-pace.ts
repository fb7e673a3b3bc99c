/**
 * How long a node waits before it knocks at NATS again. Where nobody listens, hardly: that costs nothing. Where somebody
 * refuses it, longer each time: the library keeps 2.4 KB of each refusal until it is let in, 29 MB an hour at the first pace.
 */
const FIRST_WAIT_MS = 250
const MAX_WAIT_MS = 10_000
/** So that not all nodes knock at once. */
const MAX_JITTER = 0.4

export class RetryPace {
  private waitMs: number = FIRST_WAIT_MS

  /** Jitter included; `random` is from 0 to 1. */
  nextWaitMs(random: number): number {
    return this.waitMs * (1 + random * MAX_JITTER)
  }

  refused(): void {
    this.waitMs = Math.min(this.waitMs * 2, MAX_WAIT_MS)
  }

  admitted(): void {
    this.waitMs = FIRST_WAIT_MS
  }
}
