/**
 * Which deadline of a connection is due, as a pure function of its times (all in the clock's uptime). The connection
 * asks when the wheel calls it, does the one thing the verdict says, and sleeps until `nextDueAtMs`.
 */
import { CloseCode } from '../protocol/close-codes.js'
import type { ConnectionState } from '../protocol/connection-state.js'
import type { TransportLimits } from './transport-limits.js'

export interface ConnectionTimes {
  readonly state: ConnectionState
  readonly openedAtMs: number
  /** Last time any byte came. */
  readonly heardAtMs: number
  /** Last PING of ours that nothing was heard since; -1 = none. */
  readonly pingedAtMs: number
  /** When the first byte of the unfinished frame came; -1 = none. */
  readonly halfFrameSinceMs: number
  /** Since when the socket has taken nothing; -1 = it takes. */
  readonly blockedSinceMs: number
  /** Since when the client has confirmed next to nothing while more waits for it; -1 = it does. */
  readonly unconfirmedSinceMs: number
  /** While we do not read, silence is ours: idle and half-frame clocks stand still. */
  readonly isHeld: boolean
  /** When the session's token expires; `Infinity` = never. */
  readonly expiresAtMs: number
  /** When the connection was closed; -1 = it was not. */
  readonly closedAtMs: number
}

export type DeadlineVerdict =
  | { readonly kind: 'wait'; readonly nextDueAtMs: number }
  | { readonly kind: 'ping' }
  | { readonly kind: 'close'; readonly code: CloseCode; readonly message: string }
  | { readonly kind: 'destroy' }

export function judgeDeadlines(times: ConnectionTimes, limits: TransportLimits, nowMs: number): DeadlineVerdict {
  if (times.state === 'closed') {
    const cutAtMs = times.closedAtMs + limits.closeLingerMs
    return nowMs >= cutAtMs ? { kind: 'destroy' } : { kind: 'wait', nextDueAtMs: cutAtMs }
  }
  let nextDueAtMs = Infinity
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
