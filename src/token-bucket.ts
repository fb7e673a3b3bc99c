/**
 * A rate with a burst of one second: holds as many tokens as may be taken in a second and fills evenly. Pure: whoever
 * asks says what the time and the rate are, so a rate may change at any moment. Counts in thousandths of a token, which
 * keeps milliseconds times a rate whole numbers.
 */
export class TokenBucket {
  /** Full at first, whatever the rate. Below 0 after an amount larger than the bucket. */
  private milliTokens = Infinity

  constructor(private filledAtMs: number) {}

  /**
   * Milliseconds until `tokens` may be taken; 0 = now. A full bucket gives any amount, so that nothing is too large for
   * ever. Takes nothing.
   */
  waitMs(tokens: number, perSecond: number, nowMs: number): number {
    const full = perSecond * 1000
    this.milliTokens = Math.min(full, this.milliTokens + (nowMs - this.filledAtMs) * perSecond)
    this.filledAtMs = nowMs
    const missing = Math.min(tokens * 1000, full) - this.milliTokens
    return missing <= 0 ? 0 : Math.ceil(missing / perSecond)
  }

  take(tokens: number): void {
    this.milliTokens -= tokens * 1000
  }

  /** Milliseconds until it is full again, from the last `waitMs` on. */
  missingMs(perSecond: number): number {
    return (perSecond * 1000 - this.milliTokens) / perSecond
  }
}
