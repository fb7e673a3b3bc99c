/**
 * Who waits for a connection. First come, first served: with one connection no call overtakes an event that was emitted
 * before it. Bounded in number and in time.
 */
import type { Clock } from '../clock.js'
import { Alarm } from './alarm.js'
import { ClientError, TimeoutError, type NestwireError } from './errors.js'

export interface Waiter {
  /** Clock uptime after which nobody waits for what it is to do; `Infinity` = never. */
  readonly dueAtMs: number
  fail(error: NestwireError): void
}

export interface LineOptions {
  readonly clock: Clock
  /** `Infinity`: the wait ends with what waits. */
  readonly acquireTimeoutMs: number
  readonly maxWaitingCalls: number
  /** Why there is no connection; `undefined` if there is one. */
  readonly lastFailure: () => NestwireError | undefined
}

interface Place<W> {
  readonly waiter: W
  readonly sinceMs: number
  readonly leavesAtMs: number
}

export class ConnectionLine<W extends Waiter> {
  private readonly places = new Set<Place<W>>()
  /** How many have stepped aside. */
  private aside = 0
  private readonly alarm: Alarm

  constructor(private readonly options: LineOptions) {
    this.alarm = new Alarm(options.clock, () => this.onAlarm())
  }

  get length(): number {
    return this.places.size
  }
  /** With those who have stepped aside. */
  get waiting(): number {
    return this.places.size + this.aside
  }

  /** Returns what gives up the place. A line that is full fails the waiter at once. */
  add(waiter: W): () => void {
    const { clock, acquireTimeoutMs, maxWaitingCalls } = this.options
    if (this.waiting >= maxWaitingCalls) {
      waiter.fail(this.exhausted(`${maxWaitingCalls} calls wait for a connection already`))
      return () => undefined
    }
    const sinceMs = clock.uptimeMs()
    const place = { waiter, sinceMs, leavesAtMs: Math.min(waiter.dueAtMs, sinceMs + acquireTimeoutMs) }
    this.places.add(place)
    this.alarm.setBy(place.leavesAtMs)
    return () => this.remove(place)
  }

  /** For a pause out of turn, which counts as well. Returns what ends it; `undefined`: the line is full. */
  stepAside(): (() => void) | undefined {
    if (this.waiting >= this.options.maxWaitingCalls) return undefined
    this.aside += 1
    return () => void (this.aside -= 1)
  }

  /** Takes out the first, with how long it has waited. */
  shift(): { readonly waiter: W; readonly waitedMs: number } | undefined {
    for (const place of this.places) {
      this.remove(place)
      return { waiter: place.waiter, waitedMs: this.options.clock.uptimeMs() - place.sinceMs }
    }
    return undefined
  }

  takeAll(): W[] {
    const waiters = [...this.places].map(({ waiter }) => waiter)
    this.places.clear()
    this.alarm.clear()
    return waiters
  }

  failAll(error: NestwireError): void {
    for (const waiter of this.takeAll()) waiter.fail(error)
  }

  private remove(place: Place<W>): void {
    this.places.delete(place)
    if (this.places.size === 0) this.alarm.clear()
  }

  private onAlarm(): void {
    const nowMs = this.options.clock.uptimeMs()
    const late = [...this.places].filter(({ leavesAtMs }) => leavesAtMs <= nowMs)
    for (const place of late) this.places.delete(place)
    let earliest = Infinity
    for (const { leavesAtMs } of this.places) earliest = Math.min(earliest, leavesAtMs)
    this.alarm.setBy(earliest)
    for (const { waiter } of late) waiter.fail(this.lateError(waiter.dueAtMs <= nowMs))
  }

  private lateError(isCallLate: boolean): NestwireError {
    const { acquireTimeoutMs, lastFailure } = this.options
    if (!isCallLate) return this.exhausted(`no connection was free within ${acquireTimeoutMs} ms`)
    return new TimeoutError('DEADLINE_EXCEEDED', 'no connection was free in time', { cause: lastFailure() })
  }

  private exhausted(message: string): NestwireError {
    return new ClientError('POOL_EXHAUSTED', message, { cause: this.options.lastFailure() })
  }
}
