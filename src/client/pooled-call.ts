/**
 * One call through a pool, until its last answer, its deadline or `cancel`. What a server has refused unseen because it goes
 * away is asked elsewhere; what may be repeated is, as long as no value came and the deadline allows it.
 */
import type { Clock } from '../clock.js'
import type { Metadata } from '../protocol/packets.js'
import { ObservedCall, type CallObserver } from './calls.js'
import { CALL_LOAD, type ConnectionPool, type PoolVisitor } from './connection-pool.js'
import { Delay } from './delay.js'
import { ConnectionClosedError, isDraining, ServerClosedError, ServerError, type NestwireError } from './errors.js'
import type { PoolMember } from './pool-member.js'
import { judgeRetry } from './retry.js'

export interface PooledRequest {
  readonly pattern: string
  readonly data: unknown
  readonly metadata: Metadata | undefined
  /** To its last answer; `Infinity` = for ever. */
  readonly timeoutMs: number
  /** Asked twice it does what it does once. */
  readonly isIdempotent: boolean
}

export interface PooledCallObserver extends CallObserver {
  /** There was no connection for it, so nothing was sent. Instead of `error`. */
  unsent(error: NestwireError): void
}

export interface CallSurroundings {
  readonly pool: ConnectionPool
  readonly clock: Clock
  /** 0 up to 1, for the jitter of repeats. */
  readonly random: () => number
}

/** Where no deadline ends it before. */
const MAX_REPEATS = 8

export class PooledCall implements PoolVisitor, CallObserver {
  readonly load = CALL_LOAD
  readonly isAwaited = true
  readonly dueAtMs: number
  private member: PoolMember | undefined
  /** Ends the wait for a connection, or the pause before a repeat. */
  private stop: (() => void) | undefined
  private correlation = 0
  /** Still within its constructor. */
  private isNew = true
  private isWaiting = false
  private isOver = false
  private hasValue = false
  private repeats = 0

  /** The observer may hear of the end before this returns. */
  constructor(
    private readonly around: CallSurroundings,
    private readonly request: PooledRequest,
    private readonly observer: PooledCallObserver,
  ) {
    this.dueAtMs = request.timeoutMs === Infinity ? Infinity : around.clock.uptimeMs() + request.timeoutMs
    this.enter()
    this.isNew = false
  }

  /** The observer hears nothing more. */
  cancel(): void {
    if (this.isOver) return
    this.isOver = true
    this.stop?.()
    this.member?.connection.cancel(this.correlation)
    this.leave()
  }

  ready(member: PoolMember): void {
    this.isWaiting = false
    this.stop = undefined
    this.member = member
    this.correlation = 0
    const { pattern, data, metadata } = this.request
    const call = new ObservedCall(this, this.dueAtMs)
    const options = { deadlineMs: this.leftMs(), metadata }
    const correlation = member.connection.observe(call, { pattern, data, options })
    // Else it has failed at once, and what is under way is the next try.
    if (this.member === member) this.correlation = correlation
  }

  next(value: unknown, bodyBytes: number): void {
    if (this.isOver) return
    this.hasValue = true
    this.observer.next(value, bodyBytes)
  }

  complete(): void {
    if (this.isOver) return
    this.isOver = true
    this.leave()
    this.observer.complete()
  }

  error(error: NestwireError): void {
    if (this.isOver) return
    const { member } = this
    this.leave()
    if (isDraining(error) && member?.isLeaving === true) return this.enter()
    if (this.isRepeatedAfter(error)) return
    this.isOver = true
    this.observer.error(error)
  }

  fail(error: NestwireError): void {
    this.isWaiting = false
    if (this.isRepeatedAfter(error)) return
    this.isOver = true
    this.observer.unsent(error)
  }

  /** A clock is asked only where time has passed: 50 ns of the 4 µs of a call. */
  private leftMs(): number | undefined {
    if (this.dueAtMs === Infinity) return undefined
    const leftMs = this.isNew ? this.request.timeoutMs : this.dueAtMs - this.around.clock.uptimeMs()
    return Math.max(0, Math.ceil(leftMs))
  }

  private enter(): void {
    this.isWaiting = true
    const giveUp = this.around.pool.visit(this)
    // Else it has begun already, or failed: `stop` belongs to that.
    if (this.isWaiting) this.stop = giveUp
  }

  private leave(): void {
    const { member } = this
    this.member = undefined
    if (member !== undefined) this.around.pool.release(member, this)
  }

  private isRepeatedAfter(error: NestwireError): boolean {
    if (!this.request.isIdempotent || this.hasValue || this.repeats >= MAX_REPEATS || !isPassing(error)) return false
    const { clock, random } = this.around
    const verdict = judgeRetry(error, this.repeats, random)
    if (verdict.kind === 'stop' || clock.uptimeMs() + verdict.delayMs >= this.dueAtMs) return false
    const comeBack = this.around.pool.stepAside()
    if (comeBack === undefined) return false
    this.repeats += 1
    const pause = new Delay(clock, verdict.delayMs)
    this.stop = () => pause.cancel()
    void pause.done.then(() => {
      comeBack()
      if (!this.isOver) this.enter()
    })
    return true
  }
}

/** Of a connection, or of a server that may think better of it. */
const isPassing = (error: NestwireError): boolean =>
  error instanceof ConnectionClosedError || error instanceof ServerClosedError || error instanceof ServerError
