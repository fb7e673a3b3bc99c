/** What connections that are there already are told, and look at, when the limits change. */
import { encodePacket } from '../protocol/encode-packet.js'
import type { Connection } from './connection.js'
import { wireLimits, type TransportLimits } from './transport-limits.js'

/** Deadlines that may have come closer are looked at over this time, not all in one tick. */
const LOOK_SPREAD_MS = 1_000
const WATCHED_TIMES = [
  'handshakeTimeoutMs',
  'halfFrameTimeoutMs',
  'pingIntervalMs',
  'idleTimeoutMs',
  'writeStallTimeoutMs',
  'closeLingerMs',
] as const satisfies readonly (keyof TransportLimits)[]

/** Behind LIMITS with a smaller frame. Those that ask for a sign of life have 1, that behind RESUMED 2. */
const LIMITS_PING = 3
const PING_FRAME = encodePacket({ kind: 'ping', correlation: LIMITS_PING })

interface LimitsChange {
  readonly now: TransportLimits
  readonly before: TransportLimits
}

/**
 * LIMITS is in every outbox before anything that was made by the new limits; the writes themselves are spread over ticks, as
 * all writes are.
 */
export function tellOfLimits(connections: Iterable<Connection>, { now, before }: LimitsChange): void {
  const isNews = JSON.stringify(wireLimits(now)) !== JSON.stringify(wireLimits(before))
  const isSooner = WATCHED_TIMES.some((time) => now[time] < before[time])
  if (!isNews && !isSooner) return
  const frame = encodePacket({ kind: 'limits', limits: wireLimits(now) })
  let count = 0
  for (const connection of connections) {
    if (isNews && connection.isGreeted) tell(connection, frame, now)
    if (isSooner) connection.deadlines.wakeBy(connection.host.wheel.nowMs + (count % LOOK_SPREAD_MS))
    count += 1
  }
}

/** What comes before the answer to the PING may be as large as it was allowed when it was sent. */
function tell(connection: Connection, frame: Buffer, { maxFrameBytes }: TransportLimits): void {
  connection.replyAhead(frame)
  if (connection.isActive && connection.intake.changeLimit(maxFrameBytes)) connection.replyAhead(PING_FRAME)
}

/** False if that PONG answers another PING. */
export function limitsWereHeard(connection: Connection, correlation: number): boolean {
  if (correlation !== LIMITS_PING) return false
  connection.intake.limitWasHeard(connection.host.limits.current.maxFrameBytes)
  return true
}
