import type { Clock } from '../clock.js'

/** Many due times of one connection, one timer: it is never set to go off sooner than this. */
const MIN_DELAY_MS = 10
const MAX_DELAY_MS = 2 ** 31 - 1

/** One timer for the earliest of many due times. Goes off at it or up to 10 ms later; never keeps a process alive. */
export class Alarm {
  private dueAtMs = Infinity
  private stopTimer: (() => void) | undefined

  constructor(
    private readonly clock: Clock,
    private readonly onDue: () => void,
  ) {}

  /** Goes off at `dueAtMs` (uptime) at the latest; an earlier time that is set stays. `Infinity` sets nothing. */
  setBy(dueAtMs: number): void {
    if (dueAtMs >= this.dueAtMs) return
    this.clear()
    this.dueAtMs = dueAtMs
    const delayMs = Math.min(Math.max(dueAtMs - this.clock.uptimeMs(), MIN_DELAY_MS), MAX_DELAY_MS)
    this.stopTimer = this.clock.every(delayMs, () => {
      this.clear()
      this.onDue()
    })
  }

  clear(): void {
    this.stopTimer?.()
    this.stopTimer = undefined
    this.dueAtMs = Infinity
  }
}
