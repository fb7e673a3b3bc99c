/**
 * Who shows tokens that nobody has issued, and for how long it is refused: after so many failures in a minute for a time,
 * and each time again for twice as long. Good conduct for as long as the last back-off was, and for a minute at least, makes
 * it a stranger again: so what is refused is always remembered for longer than one failure of somebody else. A login that succeeds in between changes nothing: who has one good account must not buy guesses with it, and
 * behind a shared address it is somebody else's. Pure.
 */
import { Ledger } from './ledger.js'

export const FAILURE_WINDOW_MS = 60_000

export interface BackoffRules {
  readonly authFailuresPerMinute: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly maxTracked: number
}

interface Conduct {
  readonly failures: number
  readonly windowEndsAtMs: number
  readonly refusedUntilMs: number
  /** 0: never backed off. */
  readonly lastBackoffMs: number
}

export interface Backoff {
  readonly address: string
  readonly remainingMs: number
  /** How long it is in all; the next one is twice as long. */
  readonly backoffMs: number
}

const GOOD: Conduct = { failures: 0, windowEndsAtMs: -Infinity, refusedUntilMs: -Infinity, lastBackoffMs: 0 }
const isForgottenAtMs = ({ refusedUntilMs, lastBackoffMs }: Conduct): number =>
  refusedUntilMs + Math.max(lastBackoffMs, FAILURE_WINDOW_MS)

export class BackoffBook {
  private readonly conducts: Ledger<string, Conduct>

  constructor(private readonly rules: () => BackoffRules) {
    this.conducts = new Ledger({
      endsAtMs: (conduct) => Math.max(conduct.windowEndsAtMs, isForgottenAtMs(conduct)),
      maxEntries: () => rules().maxTracked,
    })
  }

  /** `begun`: from now on it is refused. `untracked`: for want of room nothing is remembered of it. */
  failed(address: string, nowMs: number): 'counted' | 'begun' | 'untracked' {
    const known = this.conducts.get(address, nowMs) ?? GOOD
    // Logins that were under way when it began.
    if (nowMs < known.refusedUntilMs) return 'counted'
    const conduct = this.after(known, nowMs)
    if (!this.conducts.set(address, conduct, nowMs)) return 'untracked'
    return conduct.refusedUntilMs > nowMs ? 'begun' : 'counted'
  }

  /** 0: it is not refused. */
  remainingMs(address: string, nowMs: number): number {
    return Math.max(0, (this.conducts.get(address, nowMs)?.refusedUntilMs ?? 0) - nowMs)
  }

  /** The `limit` of them that last longest. */
  longest(limit: number, nowMs: number): readonly Backoff[] {
    const backoffs: Backoff[] = []
    for (const [address, { refusedUntilMs, lastBackoffMs }] of this.conducts.current(nowMs)) {
      if (refusedUntilMs > nowMs)
        backoffs.push({ address, remainingMs: refusedUntilMs - nowMs, backoffMs: lastBackoffMs })
    }
    return backoffs.toSorted((a, b) => b.remainingMs - a.remainingMs).slice(0, limit)
  }

  /** Forgets all of it, earlier back-offs included. False if it is not refused. */
  lift(address: string, nowMs: number): boolean {
    const isRefused = this.remainingMs(address, nowMs) > 0
    if (isRefused) this.conducts.delete(address)
    return isRefused
  }

  private after(known: Conduct, nowMs: number): Conduct {
    const { authFailuresPerMinute, backoffMs, maxBackoffMs } = this.rules()
    const isSameWindow = nowMs < known.windowEndsAtMs
    const failures = isSameWindow ? known.failures + 1 : 1
    const lastBackoffMs = nowMs < isForgottenAtMs(known) ? known.lastBackoffMs : 0
    if (failures < authFailuresPerMinute) {
      const windowEndsAtMs = isSameWindow ? known.windowEndsAtMs : nowMs + FAILURE_WINDOW_MS
      return { failures, windowEndsAtMs, refusedUntilMs: known.refusedUntilMs, lastBackoffMs }
    }
    const nextMs = Math.min(lastBackoffMs === 0 ? backoffMs : lastBackoffMs * 2, maxBackoffMs)
    return { failures: 0, windowEndsAtMs: nowMs, refusedUntilMs: nowMs + nextMs, lastBackoffMs: nextMs }
  }
}
