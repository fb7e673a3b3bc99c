/** Whether and when to try again, as a pure function of the error and the attempt. */
import { ErrorCode } from '../protocol/error-codes.js'
import { NestwireError, ServerClosedError, ServerError } from './errors.js'

export type RetryVerdict = { readonly kind: 'stop' } | { readonly kind: 'retry'; readonly delayMs: number }

const BASE_DELAY_MS = 250
const MAX_DELAY_MS = 30_000

/** Refusals that the same request may outlive: of an AUTH, a RESUME, a JOIN, a message that is sent again. */
const passing: ReadonlySet<number> = new Set([
  ErrorCode.DeadlineExceeded,
  ErrorCode.Draining,
  ErrorCode.Internal,
  ErrorCode.LogUnavailable,
  ErrorCode.CommitFailed,
  ErrorCode.Backpressure,
  ErrorCode.RateLimited,
])

/** Failures of this side that the next try would meet again. */
const lasting: ReadonlySet<string> = new Set([
  'PROTOCOL_ERROR',
  'TOKEN_REQUIRED',
  'FRAME_TOO_LARGE',
  'BAD_FIELD',
  'CLOSED',
])

/**
 * Full jitter: `random() × min(30 s, 250 ms × 2^attempt)`, after what the server asks for. `attempt` counts from 0;
 * `random` returns 0 up to 1.
 */
export function judgeRetry(error: NestwireError, attempt: number, random: () => number): RetryVerdict {
  if (isLasting(error)) return { kind: 'stop' }
  const jitterMs = random() * Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** attempt)
  return { kind: 'retry', delayMs: askedDelayMs(error) + jitterMs }
}

/** True: the next try would meet it again. */
export function isLasting(error: NestwireError): boolean {
  if (error instanceof ServerClosedError) return error.retryClass === 'never'
  if (error instanceof ServerError) return !isPassing(error.errorCode)
  return lasting.has(error.code)
}

export const isPassing = (errorCode: number): boolean => passing.has(errorCode)

const askedDelayMs = (error: NestwireError): number =>
  error instanceof ServerClosedError || error instanceof ServerError ? error.retryAfterMs : 0
