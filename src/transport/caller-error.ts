import { ServerError, TimeoutError } from '../client/errors.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { CodedError } from './nestwire.exception.js'

/**
 * What a caller catches: of a handler's own error exactly what its filters sent, of an unknown pattern Nest's text, of
 * the protocol's codes a `CodedError`. Failures of the connection stay `Error`s with a `code`, and so is a deadline that
 * is over one, whichever side saw it first.
 */
export function toCallerError(error: unknown): unknown {
  if (!(error instanceof ServerError)) return error
  // Nothing at all (a filter may fail with it) would look like a value to Nest, and the call would never end.
  if (error.errorCode === ErrorCode.Application && error.body) return error.body
  if (error.errorCode === ErrorCode.NoHandler && error.message !== '') return error.message
  const { code, message, retryAfterMs, body: details } = error
  if (error.errorCode === ErrorCode.DeadlineExceeded && details === undefined) {
    return new TimeoutError('DEADLINE_EXCEEDED', message, { cause: error })
  }
  const coded: CodedError = {
    status: 'error',
    code,
    message,
    ...(retryAfterMs > 0 && { retryAfterMs }),
    ...(details !== undefined && { details }),
  }
  return coded
}
