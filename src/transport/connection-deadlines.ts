/**
 * The deadlines of one connection: its times, its one entry in the wheel, and a pure function that judges which is due.
 * When the wheel calls, the one thing the verdict says is done, and the entry sleeps until `nextDueAtMs`. All times are
 * in the clock's uptime.
 */
import { CloseCode } from '../protocol/close-codes.js'
import type { ConnectionState } from '../protocol/connection-state.js'
import { unreachable } from '../unreachable.js'
import type { Timed, TimerWheel } from './timer-wheel.js'
import type { LimitsSource, TransportLimits } from './transport-limits.js'

/** What only the connection knows, asked when the wheel calls. */
interface ObservedTimes {
  readonly state: ConnectionState
  /** Last time any byte came. */
  readonly heardAtMs: number
  /** When the first byte of the unfinished frame came; -1 = none. */
  readonly halfFrameSinceMs: number
  /** The socket takes nothing now. */
  readonly isBlocked: boolean
  /** Since when the client has confirmed next to nothing while more waits for it; -1 = it does. */
  readonly unconfirmedSinceMs: number
  /** While we do not read, silence is ours: idle and half-frame clocks stand still. */
  readonly isHeld: boolean
  /** When the session's token expires; `Infinity` = never. */
  readonly expiresAtMs: number
}

interface ConnectionTimes extends ObservedTimes {
  readonly openedAtMs: number
  /** Last PING of ours that nothing was heard since; -1 = none. */
  readonly pingedAtMs: number
  /** Since when the socket has taken nothing; -1 = it takes. */
  readonly blockedSinceMs: number
  /** When the connection was closed; -1 = it was not. */
  readonly closedAtMs: number
}

/** The connection, as its deadlines see it. */
export interface DeadlineOwner {
  readonly host: { readonly wheel: TimerWheel; readonly limits: LimitsSource }
  observeTimes(nowMs: number): ObservedTimes
  ping(): void
  close(code: CloseCode, message: string): void
  /** Cuts the socket without a word. */
  destroy(): void
}

export class ConnectionDeadlines implements Timed {
  wheelSlot = -1
  dueAtMs = 0
  private readonly openedAtMs: number
  private pingedAtMs = -1
  private blockedSinceMs = -1
  private closedAtMs = -1

  constructor(private readonly owner: DeadlineOwner) {
    this.openedAtMs = owner.host.wheel.nowMs
    this.wake()
  }

  /** A byte came: the client lives. */
  heard(): void {
    this.pingedAtMs = -1
  }

  /** The socket takes bytes again. */
  unblocked(): void {
    this.blockedSinceMs = -1
  }

  /** From here on only the socket's hanging up is awaited. */
  closed(): void {
    this.closedAtMs = this.owner.host.wheel.nowMs
    this.wake()
  }

  /** Has the wheel look on its next tick. */
  wake(): void {
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
    const verdict = judgeDeadlines(this.timesAt(nowMs), owner.host.limits.current, nowMs)
    switch (verdict.kind) {
      case 'destroy':
        return owner.destroy()
      case 'close':
        return owner.close(verdict.code, verdict.message)
      case 'ping':
        this.pingedAtMs = nowMs
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
    if (this.blockedSinceMs < 0 && observed.isBlocked) this.blockedSinceMs = nowMs
    const { openedAtMs, pingedAtMs, blockedSinceMs, closedAtMs } = this
    return { ...observed, openedAtMs, pingedAtMs, blockedSinceMs, closedAtMs }
  }
}

type DeadlineVerdict =
  | { readonly kind: 'wait'; readonly nextDueAtMs: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: CloseCode; readonly message: string }
  | { readonly kind: 'destroy' }

function judgeDeadlines(times: ConnectionTimes, limits: TransportLimits, nowMs: number): DeadlineVerdict {
  if (times.state === 'closed') {
    const cutAtMs = times.closedAtMs + limits.closeLingerMs
    return nowMs >= cutAtMs ? { kind: 'destroy' } : { kind: 'wait', nextDueAtMs: cutAtMs }
  }
  // Bytes heard meanwhile move the ping, and a blocked socket can only be looked at: both ask for a look in good time
  // rather than for a timer each.
  let nextDueAtMs = nowMs + Math.min(limits.pingIntervalMs, limits.writeStallTimeoutMs / 4)
  for (const { dueAtMs, code, message } of closingDeadlines(times, limits)) {
    if (nowMs >= dueAtMs) return { kind: 'close', code, message }
    nextDueAtMs = Math.min(nextDueAtMs, dueAtMs)
  }
  if (!times.isHeld && isEstablished(times.state) && times.pingedAtMs < 0) {
    const pingAtMs = times.heardAtMs + limits.pingIntervalMs
    if (nowMs >= pingAtMs) return { kind: 'ping' }
    nextDueAtMs = Math.min(nextDueAtMs, pingAtMs)
  }
  return { kind: 'wait', nextDueAtMs }
}

const isEstablished = (state: ConnectionState): boolean => state === 'active' || state === 'draining'

interface ClosingDeadline {
  readonly dueAtMs: number
  readonly code: CloseCode
  readonly message: string
}

function closingDeadlines(times: ConnectionTimes, limits: TransportLimits): ClosingDeadline[] {
  const deadlines: ClosingDeadline[] = []
  const by = (dueAtMs: number, code: CloseCode, message: string): void =>
    void deadlines.push({ dueAtMs, code, message })
  by(times.expiresAtMs, CloseCode.TokenExpired, 'the token has expired')
  if (!isEstablished(times.state)) {
    by(times.openedAtMs + limits.handshakeTimeoutMs, CloseCode.HandshakeTimeout, 'the handshake took too long')
  }
  if (times.blockedSinceMs >= 0) {
    by(times.blockedSinceMs + limits.writeStallTimeoutMs, CloseCode.SlowConsumer, 'nothing was read for too long')
  }
  if (times.unconfirmedSinceMs >= 0) {
    by(
      times.unconfirmedSinceMs + limits.writeStallTimeoutMs,
      CloseCode.SlowConsumer,
      'nothing was confirmed for too long',
    )
  }
  if (times.isHeld) return deadlines
  if (times.halfFrameSinceMs >= 0) {
    by(times.halfFrameSinceMs + limits.halfFrameTimeoutMs, CloseCode.HalfFrameTimeout, 'a frame was not finished')
  }
  by(times.heardAtMs + limits.idleTimeoutMs, CloseCode.IdleTimeout, 'nothing was heard for too long')
  return deadlines
}
