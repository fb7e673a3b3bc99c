import type { Clock } from '../../src/clock.js'

interface Repeating {
  readonly intervalMs: number
  readonly tick: () => void
  nextAtMs: number
}

/** A clock that moves only when told to; ticks run in order of their time. */
export class ManualClock implements Clock {
  private nowMs = 1_700_000_000_000
  private elapsedMs = 0
  private readonly repeating = new Set<Repeating>()

  now(): number {
    return this.nowMs
  }

  uptimeMs(): number {
    return this.elapsedMs
  }

  every(intervalMs: number, tick: () => void): () => void {
    const entry: Repeating = { intervalMs, tick, nextAtMs: this.elapsedMs + intervalMs }
    this.repeating.add(entry)
    return () => void this.repeating.delete(entry)
  }

  /** How many timers are held; 0 when everything has let go. */
  get timers(): number {
    return this.repeating.size
  }

  advance(ms: number): void {
    const end = this.elapsedMs + ms
    for (;;) {
      const next = [...this.repeating].toSorted((a, b) => a.nextAtMs - b.nextAtMs)[0]
      if (next === undefined || next.nextAtMs > end) break
      this.moveTo(next.nextAtMs)
      next.nextAtMs += next.intervalMs
      next.tick()
    }
    this.moveTo(end)
  }

  /** The event loop stands still: each tick that comes due meanwhile comes once, and late. */
  standStill(ms: number): void {
    this.moveTo(this.elapsedMs + ms)
    for (const entry of this.repeating) {
      if (entry.nextAtMs > this.elapsedMs) continue
      entry.nextAtMs = this.elapsedMs + entry.intervalMs
      entry.tick()
    }
  }

  /** Sets the wall clock, as an administrator or NTP would; uptime goes on undisturbed. */
  setWallClock(nowMs: number): void {
    this.nowMs = nowMs
  }

  private moveTo(elapsedMs: number): void {
    this.nowMs += elapsedMs - this.elapsedMs
    this.elapsedMs = elapsedMs
  }
}
