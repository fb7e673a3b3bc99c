/** Tries again and again, ever less often, until it works. Turns with the clock that it is given. */
import type { Clock } from '../../clock.js'

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 5_000

export class RetryUntilMended {
  private delayMs = FIRST_DELAY_MS
  private nextAtMs = 0
  private stopTicking: (() => void) | undefined
  private attempt: Promise<void> | undefined

  constructor(
    private readonly clock: Pick<Clock, 'uptimeMs' | 'every'>,
    /** Rejects as long as it is broken. */
    private readonly mend: () => Promise<void>,
  ) {}

  /** Until the next attempt. */
  get delayLeftMs(): number {
    return Math.max(0, this.nextAtMs - this.clock.uptimeMs())
  }

  start(): void {
    this.schedule()
    this.stopTicking ??= this.clock.every(FIRST_DELAY_MS, () => this.tick())
  }

  /** What works now has proved itself: the next failure is tried again soon. */
  reset(): void {
    this.delayMs = FIRST_DELAY_MS
  }

  /** Resolves when no attempt is running. */
  async stop(): Promise<void> {
    this.stopTicking?.()
    this.stopTicking = undefined
    await this.attempt
  }

  private schedule(): void {
    this.nextAtMs = this.clock.uptimeMs() + this.delayMs
    this.delayMs = Math.min(this.delayMs * 2, MAX_DELAY_MS)
  }

  private tick(): void {
    if (this.attempt !== undefined || this.delayLeftMs > 0) return
    this.attempt = this.mend()
      .then(
        () => {
          this.stopTicking?.()
          this.stopTicking = undefined
        },
        () => this.schedule(),
      )
      .finally(() => (this.attempt = undefined))
  }
}
