/**
 * Who has just connected and not spoken yet is read a few dozen at a time. Whatever is readable the event loop reads in
 * one go, before any timer or other work: of 10,000 that connected and logged in at once all the greetings were handled
 * in one stretch of 700 ms. Who stays silent gives way to those behind it and comes again: silence holds nobody up.
 */
import type { Clock } from '../clock.js'

/** Connections that have not spoken and are read. A greeting with AUTH and JOIN takes 300 µs, its share of garbage included. */
const MAX_READING = 64
/** 10,000 silent connections have all had a turn after three seconds. */
const TURN_MS = 20

export interface Arrival {
  startReading(): void
  stopReading(): void
}

/** Holds arrivals until they speak or leave; bounded by the server's connection limit. */
export class ArrivalLine {
  private readonly reading = new Set<Arrival>()
  private readonly waiting = new Set<Arrival>()
  private isFilling = false
  private stopTurns: (() => void) | undefined

  constructor(private readonly clock: Pick<Clock, 'every'>) {}

  add(arrival: Arrival): void {
    this.waiting.add(arrival)
    this.fillSoon()
  }

  /** It has said something, or it is gone. Idempotent. */
  leave(arrival: Arrival): void {
    const wasHere = this.reading.delete(arrival) || this.waiting.delete(arrival)
    if (wasHere) this.fillSoon()
  }

  /** Once a tick: what a paused socket has read already it gives at once, and each that speaks makes room for the next. */
  private fillSoon(): void {
    if (this.isFilling) return
    this.isFilling = true
    setImmediate(() => {
      this.isFilling = false
      this.fill()
    })
  }

  private fill(): void {
    for (const arrival of this.waiting) {
      if (this.reading.size >= MAX_READING) break
      this.waiting.delete(arrival)
      this.reading.add(arrival)
      arrival.startReading()
    }
    if (this.waiting.size > 0) this.stopTurns ??= this.clock.every(TURN_MS, () => this.turn())
    else {
      this.stopTurns?.()
      this.stopTurns = undefined
    }
  }

  private turn(): void {
    const silent = [...this.reading].slice(0, this.waiting.size)
    for (const arrival of silent) {
      this.reading.delete(arrival)
      arrival.stopReading()
      this.waiting.add(arrival)
    }
    this.fillSoon()
  }
}
