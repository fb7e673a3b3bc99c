/**
 * The wall clock for who deletes by date: a machine that wakes in a wrong year makes nothing old until its clock has
 * stood there for a while. Whoever sets it back is believed at once, for that makes nothing old.
 *
 * Knows only what happens while the process runs: what the clock says at its start counts.
 */
import type { Clock } from './clock.js'

/** A wall clock that ran ahead of the uptime by more than this was set, perhaps wrongly. */
const TRUSTED_DRIFT_MS = 60_000
/** Somebody who sees it sets it right again within that, or it is right. */
const SETTLED_AFTER_MS = 600_000

export class TrustedTime {
  /** Of the wall clock before the uptime. */
  private aheadMs: number
  /** Where the wall clock went, and since which uptime it was seen there. */
  private doubtful: { readonly aheadMs: number; readonly sinceMs: number } | undefined

  constructor(private readonly clock: Pick<Clock, 'now' | 'uptimeMs'>) {
    this.aheadMs = clock.now() - clock.uptimeMs()
  }

  now(): number {
    const uptimeMs = this.clock.uptimeMs()
    const aheadMs = this.clock.now() - uptimeMs
    if (aheadMs <= this.aheadMs + TRUSTED_DRIFT_MS || this.hasSettled(aheadMs, uptimeMs)) {
      this.aheadMs = aheadMs
      this.doubtful = undefined
    }
    return uptimeMs + this.aheadMs
  }

  private hasSettled(aheadMs: number, uptimeMs: number): boolean {
    if (this.doubtful === undefined || Math.abs(aheadMs - this.doubtful.aheadMs) > TRUSTED_DRIFT_MS) {
      this.doubtful = { aheadMs, sinceMs: uptimeMs }
    }
    return uptimeMs - this.doubtful.sinceMs >= SETTLED_AFTER_MS
  }
}
