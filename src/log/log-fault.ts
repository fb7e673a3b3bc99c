/** Why the room log did not do what it was asked for, as callers of the server see it. */
import { ErrorCode } from '../protocol/error-codes.js'
import { NestwireException } from '../transport/nestwire.exception.js'

/** Rejection of every `RoomLog` call that fails. Its code tells whether the record may be in the log all the same. */
export class LogFault extends NestwireException {
  /** Nothing was written: LOG_UNAVAILABLE. */
  static unavailable(reason: string, { retryAfterMs = 0, cause }: { retryAfterMs?: number; cause?: unknown } = {}) {
    return new LogFault(ErrorCode.LogUnavailable, reason, { retryAfterMs, cause })
  }

  /** The disk failed under the write: COMMIT_FAILED, whether it is there will only be known later. */
  static commitFailed(cause: unknown): LogFault {
    return new LogFault(ErrorCode.CommitFailed, `the room log could not be written: ${reasonOf(cause)}`, { cause })
  }

  /** A repeat whose first try may have been appended and forgotten: OUTCOME_UNKNOWN. */
  static outcomeUnknown(): LogFault {
    return new LogFault(ErrorCode.OutcomeUnknown, 'whether the message was appended is not known any more')
  }
}

/** The first line of what an error says. */
export const reasonOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0] ?? ''
