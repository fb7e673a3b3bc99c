/** When to ping and when to give up, as a pure function. All times in the clock's uptime. */
interface KeepAliveTimes {
  readonly heardAtMs: number
  /** Our last PING. */
  readonly pingedAtMs: number
  readonly pingIntervalMs: number
  readonly idleTimeoutMs: number
  /** While this side does not read, silence is its own: it pings so that the server hears something, but never gives up. */
  readonly isPaused: boolean
}

type KeepAliveVerdict =
  { readonly kind: 'wait'; readonly nextDueAtMs: number } | { readonly kind: 'ping' } | { readonly kind: 'dead' }

export function judgeKeepAlive(times: KeepAliveTimes, nowMs: number): KeepAliveVerdict {
  const deadAtMs = times.isPaused ? Infinity : times.heardAtMs + times.idleTimeoutMs
  if (nowMs >= deadAtMs) return { kind: 'dead' }
  const pingAtMs = Math.max(times.heardAtMs, times.pingedAtMs) + times.pingIntervalMs
  if (nowMs >= pingAtMs) return { kind: 'ping' }
  return { kind: 'wait', nextDueAtMs: Math.min(deadAtMs, pingAtMs) }
}
