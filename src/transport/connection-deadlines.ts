/**
 * The deadlines of one connection: its times, its one entry in the wheel, and a pure function that judges which is due.
 * When the wheel calls, the one thing the verdict says is done, and the entry sleeps until `nextDueAtMs`. All times are
 * in the clock's uptime.
 */
import { CloseCode } from '../protocol/close-codes.js'
import type { ConnectionState } from '../protocol/connection-state.js'
import { unreachable } from '../unreachable.js'
import { ReadingWatch } from './reading-watch.js'
import { TICK_MS, type Timed, type TimerWheel } from './timer-wheel.js'
import type { TransportCounters } from './transport-counters.js'
import type { LimitsSource, TransportLimits } from './transport-limits.js'

/** What only the connection knows, asked when the wheel calls. */
export interface ObservedTimes {
  readonly state: ConnectionState
  /** Last time any byte came. */
  readonly heardAtMs: number
  /** When the first byte of the unfinished frame came; -1 = none. */
  readonly halfFrameSinceMs: number
  /** Something waits until the client reads. */
  readonly isAwaited: boolean
  /** All that the client was to take so far. */
  readonly sentBytes: number
  /** What the client has taken as far as this process knows. */
  readonly takenBytes: number
  /** It tells by POSITION what it has read, and we listen. */
  readonly isTelling: boolean
  /** While we do not read, silence is ours: idle and half-frame clocks stand still. */
  readonly isHeld: boolean
  /** When it may be read again after it sent too fast; `Infinity` = it did not. */
  readonly pacedUntilMs: number
  /** When the session's token expires; `Infinity` = never. */
  readonly expiresAtMs: number
}

interface ConnectionTimes extends ObservedTimes {
  readonly openedAtMs: number
  /** Last PING of ours; -1 = none. */
  readonly pingedAtMs: number
  /** Nothing was heard since. */
  readonly isPingOpen: boolean
  /** Since when the client has taken next to nothing of what waits for it; -1 = it takes, or nothing waits. */
  readonly stalledSinceMs: number
  /** Its silence may be due to what it has to read first, until then; -1 = it may not. */
  readonly excusedAtMs: number
  /** When the connection was closed; -1 = it was not. */
  readonly closedAtMs: number
}

/** The connection, as its deadlines see it. */
export interface DeadlineOwner {
  readonly host: { readonly wheel: TimerWheel; readonly limits: LimitsSource; readonly counters: TransportCounters }
  observeTimes(nowMs: number): ObservedTimes
  /** What the system holds of what the client was sent, if it tells. */
  unacknowledgedBytes(): Promise<number | undefined>
  /** Room may have come back without news: sockets tell only that they were full and are empty. */
  tellWritable(): void
  /** Reads on, if what it was held for is over. */
  release(): void
  ping(): void
  close(code: CloseCode, message: string): void
  /** Cuts the socket without a word. */
  destroy(): void
}

export class ConnectionDeadlines implements Timed {
  wheelSlot = -1
  dueAtMs = 0
  private pingedAtMs = -1
  private isPingOpen = false
  /** From when on something waited for the client, which is never for most. */
  private reading: ReadingWatch | undefined
  private closedAtMs = -1

  constructor(
    private readonly owner: DeadlineOwner,
    private readonly openedAtMs: number,
  ) {
    const { wheel, limits } = owner.host
    const { handshakeTimeoutMs, idleTimeoutMs, pingIntervalMs, writeStallTimeoutMs } = limits.current
    // No look before anything can be due: thousands that come at once would all be looked at in one tick.
    const firstLookMs = Math.min(handshakeTimeoutMs, idleTimeoutMs, pingIntervalMs, writeStallTimeoutMs / 4)
    wheel.schedule(this, openedAtMs + firstLookMs)
  }

  /** A byte came: the client lives. */
  heard(): void {
    this.isPingOpen = false
  }

  /** From here on only the socket's hanging up is awaited. */
  closed(): void {
    this.closedAtMs = this.owner.host.wheel.nowMs
    this.wake()
  }

  /** Has the wheel look on its next tick. */
  private wake(): void {
    const { wheel } = this.owner.host
    wheel.schedule(this, wheel.nowMs)
  }

  wakeBy(dueAtMs: number): void {
    if (dueAtMs < this.dueAtMs) this.owner.host.wheel.schedule(this, dueAtMs)
  }

  /** The socket is gone; nothing is due any more. */
  cancel(): void {
    this.owner.host.wheel.cancel(this)
  }

  onDue(nowMs: number): void {
    const { owner } = this
    this.reading?.forgive(Math.max(0, nowMs - this.dueAtMs - TICK_MS))
    owner.tellWritable()
    owner.release()
    const verdict = judgeDeadlines(this.timesAt(nowMs), owner.host.limits.current, nowMs)
    switch (verdict.kind) {
      case 'destroy':
        owner.host.counters.cutSockets += 1
        return owner.destroy()
      case 'close':
        return owner.close(verdict.code, verdict.message)
      case 'silent':
        owner.host.wheel.schedule(this, verdict.nextDueAtMs)
        return this.watch().verify(nowMs, () => owner.close(verdict.code, verdict.message))
      case 'ping':
        this.pingedAtMs = nowMs
        this.isPingOpen = true
        this.reading?.forget()
        owner.host.counters.pings += 1
        owner.ping()
        return this.wake()
      case 'wait':
        return owner.host.wheel.schedule(this, verdict.nextDueAtMs)
      default:
        unreachable(verdict)
    }
  }

  private timesAt(nowMs: number): ConnectionTimes {
    const observed = this.owner.observeTimes(nowMs)
    if (observed.isAwaited) this.watch().look(observed, nowMs)
    else this.reading?.rest()
    const { openedAtMs, pingedAtMs, isPingOpen, closedAtMs } = this
    const { sinceMs: stalledSinceMs = -1, excusedAtMs = -1 } = this.reading ?? {}
    return { ...observed, openedAtMs, pingedAtMs, isPingOpen, closedAtMs, stalledSinceMs, excusedAtMs }
  }

  private watch(): ReadingWatch {
    return (this.reading ??= new ReadingWatch(() => this.owner.unacknowledgedBytes()))
  }
}

type DeadlineVerdict =
  | { readonly kind: 'wait'; readonly nextDueAtMs: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: CloseCode; readonly message: string }
  /** To be closed unless somebody else knows of a sign of life. */
  | { readonly kind: 'silent'; readonly code: CloseCode; readonly message: string; readonly nextDueAtMs: number }
  | { readonly kind: 'destroy' }

function judgeDeadlines(times: ConnectionTimes, limits: TransportLimits, nowMs: number): DeadlineVerdict {
  if (times.state === 'closed') {
    const cutAtMs = times.closedAtMs + limits.closeLingerMs
    return nowMs >= cutAtMs ? { kind: 'destroy' } : { kind: 'wait', nextDueAtMs: cutAtMs }
  }
  // Bytes heard meanwhile move the ping, and whether somebody reads can only be looked at: both ask for a look in good
  // time rather than for a timer each.
  let nextDueAtMs = Math.min(
    nowMs + Math.min(limits.pingIntervalMs, limits.writeStallTimeoutMs / 4),
    times.pacedUntilMs,
  )
  for (const { dueAtMs, code, message, isCertain } of closingDeadlines(times, limits)) {
    if (nowMs >= dueAtMs)
      return isCertain || times.isTelling
        ? { kind: 'close', code, message }
        : { kind: 'silent', code, message, nextDueAtMs }
    nextDueAtMs = Math.min(nextDueAtMs, dueAtMs)
  }
  if (!times.isHeld && isEstablished(times.state) && !times.isPingOpen) {
    const pingAtMs = pingDueAt(times, limits)
    if (nowMs >= pingAtMs) return { kind: 'ping' }
    nextDueAtMs = Math.min(nextDueAtMs, pingAtMs)
  }
  return { kind: 'wait', nextDueAtMs }
}

/** Silence is asked about; and once in half a stall time whoever more waits for, since a client confirms with each PONG. */
function pingDueAt({ heardAtMs, stalledSinceMs, pingedAtMs }: ConnectionTimes, limits: TransportLimits): number {
  const bySilenceAtMs = heardAtMs + limits.pingIntervalMs
  if (stalledSinceMs < 0) return bySilenceAtMs
  return Math.min(bySilenceAtMs, Math.max(stalledSinceMs, pingedAtMs) + limits.writeStallTimeoutMs / 2)
}

/** While something waits to be read first, no answer can be expected. */
const quietSince = ({ heardAtMs, excusedAtMs }: ConnectionTimes): number => Math.max(heardAtMs, excusedAtMs)

const isEstablished = (state: ConnectionState): boolean => state === 'active' || state === 'draining'

interface ClosingDeadline {
  readonly dueAtMs: number
  readonly code: CloseCode
  readonly message: string
  /** Nothing that is not known here could speak against it. */
  readonly isCertain: boolean
}

function closingDeadlines(times: ConnectionTimes, limits: TransportLimits): ClosingDeadline[] {
  const deadlines: ClosingDeadline[] = []
  const by = (dueAtMs: number, code: CloseCode, message: string): void =>
    void deadlines.push({ dueAtMs, code, message, isCertain: true })
  const unlessReading = (dueAtMs: number, code: CloseCode, message: string): void =>
    void deadlines.push({ dueAtMs, code, message, isCertain: false })
  by(times.expiresAtMs, CloseCode.TokenExpired, 'the token has expired')
  if (!isEstablished(times.state)) {
    by(times.openedAtMs + limits.handshakeTimeoutMs, CloseCode.HandshakeTimeout, 'the handshake took too long')
  }
  if (times.stalledSinceMs >= 0) {
    const dueAtMs = times.stalledSinceMs + limits.writeStallTimeoutMs
    unlessReading(dueAtMs, CloseCode.SlowConsumer, 'next to nothing was read for too long')
  }
  if (times.isHeld) return deadlines
  if (times.halfFrameSinceMs >= 0) {
    by(times.halfFrameSinceMs + limits.halfFrameTimeoutMs, CloseCode.HalfFrameTimeout, 'a frame was not finished')
  }
  unlessReading(quietSince(times) + limits.idleTimeoutMs, CloseCode.IdleTimeout, 'nothing was heard for too long')
  return deadlines
}
