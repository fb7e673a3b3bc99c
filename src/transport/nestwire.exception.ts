import { RpcException } from '@nestjs/microservices'
import { ErrorCode, errorCodeName } from '../protocol/error-codes.js'

/** What a handler's caller sees of a coded failure; the same shape whether it came by ERROR or was thrown here. */
export interface CodedError {
  readonly status: 'error'
  /** `ROOM_NOT_FOUND`, from the table in `protocol/error-codes.ts`. */
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number
  readonly details?: unknown
}

/** The error object inside a `NestwireException`: keeps its number, so that filters may pass it on untouched. */
export class CodedFailure implements CodedError {
  readonly status = 'error'
  readonly code: string
  constructor(
    readonly errorCode: ErrorCode,
    readonly message: string,
    readonly retryAfterMs = 0,
    readonly details?: unknown,
  ) {
    this.code = errorCodeName(errorCode)
  }
}

/** Thrown by handlers, guards and pipes to answer a request with one of the protocol's error codes. */
export class NestwireException extends RpcException {
  readonly failure: CodedFailure
  constructor(
    errorCode: ErrorCode,
    message: string,
    options: { readonly retryAfterMs?: number; readonly details?: unknown; readonly cause?: unknown } = {},
  ) {
    const failure = new CodedFailure(errorCode, message, options.retryAfterMs, options.details)
    super(failure)
    this.failure = failure
    this.cause = options.cause
  }
}
