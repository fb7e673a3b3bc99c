/** What the process ends with; `--help` prints this table. */
import { ClientError, NestwireError, ServerClosedError, ServerError } from '../client/errors.js'
import { CloseCode } from '../protocol/close-codes.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { UsageError } from './usage-error.js'

export const ExitCode = {
  Ok: 0,
  Refused: 1,
  Usage: 2,
  NotConnected: 3,
  NotAllowed: 4,
  Interrupted: 130,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

export const exitCodeMeanings: Readonly<Record<ExitCode, string>> = {
  [ExitCode.Ok]: 'done',
  [ExitCode.Refused]: 'the server refused the request, or it cannot be done here',
  [ExitCode.Usage]: 'the command line is wrong',
  [ExitCode.NotConnected]: 'no connection, or it was lost',
  [ExitCode.NotAllowed]: 'not allowed: the token, a ban, a missing right',
  [ExitCode.Interrupted]: 'Ctrl-C',
}

const notAllowed: ReadonlySet<number> = new Set([
  ErrorCode.TokenInvalid,
  ErrorCode.TokenExpired,
  ErrorCode.UserMismatch,
  ErrorCode.Forbidden,
  ErrorCode.Banned,
])

/** Failures of this side that happen with a connection and are not the connection's. */
const localCodes: Readonly<Partial<Record<ClientError['code'], ExitCode>>> = {
  BAD_FIELD: ExitCode.Usage,
  TOKEN_REQUIRED: ExitCode.NotAllowed,
  FRAME_TOO_LARGE: ExitCode.Refused,
  OUTBOX_FULL: ExitCode.Refused,
  UNEXPECTED_REPLY: ExitCode.Refused,
  STREAM_OVERFLOW: ExitCode.Refused,
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return ExitCode.Usage
  if (error instanceof ServerError) return notAllowed.has(error.errorCode) ? ExitCode.NotAllowed : ExitCode.Refused
  if (error instanceof ServerClosedError) {
    return error.closeCode === CloseCode.AuthRejected ? ExitCode.NotAllowed : ExitCode.NotConnected
  }
  if (error instanceof ClientError) return localCodes[error.code] ?? ExitCode.NotConnected
  return error instanceof NestwireError ? ExitCode.NotConnected : ExitCode.Refused
}
