/**
 * How fast a client whose connection does not come to be tries again, whoever asks: full jitter, for a crowd of clients whose
 * server is away. Calls wait for the next try, so it is never far; a time that the server has named is kept. Pure.
 */
import { ServerClosedError, ServerError, type NestwireError } from './errors.js'

const BASE_PAUSE_MS = 50
const MAX_PAUSE_MS = 1000

export class ConnectPace {
  private failures = 0
  private nextTryAtMs = -Infinity
  private refusal: { readonly error: NestwireError; readonly untilMs: number } | undefined

  /** `random` returns 0 up to 1. */
  constructor(private readonly random: () => number) {}

  failed(error: NestwireError, nowMs: number): void {
    this.nextTryAtMs = nowMs + this.random() * Math.min(MAX_PAUSE_MS, BASE_PAUSE_MS * 2 ** this.failures)
    this.failures += 1
    const isRefusal = error instanceof ServerClosedError || error instanceof ServerError
    this.refusal = isRefusal && error.retryAfterMs > 0 ? { error, untilMs: nowMs + error.retryAfterMs } : undefined
  }

  succeeded(): void {
    this.failures = 0
    this.nextTryAtMs = -Infinity
    this.refusal = undefined
  }

  /** Until the next try; 0 = now. */
  pauseMs(nowMs: number): number {
    return Math.max(0, this.nextTryAtMs - nowMs)
  }

  /** What the server said when it also said that it takes nobody before a time which is still to come. */
  refusedBy(nowMs: number): NestwireError | undefined {
    return this.refusal !== undefined && nowMs < this.refusal.untilMs ? this.refusal.error : undefined
  }
}
