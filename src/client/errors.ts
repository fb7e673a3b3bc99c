/** Everything the client throws: one family, each with a stable `code`, the cause kept. */
import { closeCodeName, retryClassOf, type RetryClass } from '../protocol/close-codes.js'
import { ErrorCode, errorCodeName, outcomeOf, type Outcome } from '../protocol/error-codes.js'
import type { Close } from '../protocol/packets.js'

/** Codes of failures that this side finds; servers send those of `protocol/error-codes.ts` and `close-codes.ts`. */
export const CLIENT_ERROR_CODES = [
  /** No AUTH_OK (WELCOME, where no authentication is asked) within `connectTimeoutMs`. */
  'CONNECT_TIMEOUT',
  /** The call's `deadlineMs` passed; the server was told to stop. */
  'DEADLINE_EXCEEDED',
  /** Nothing was heard for the server's `idleTimeoutMs`. */
  'IDLE_TIMEOUT',
  /** The socket ended without a CLOSE. */
  'CONNECTION_LOST',
  /** This side called `close()`. */
  'CLOSED',
  /** There is no connection, or none any more; nothing was sent. */
  'NOT_CONNECTED',
  /** The server sent bytes that are not the protocol. */
  'PROTOCOL_ERROR',
  /** More than `maxOutboxBytes` wait to be written; nothing was sent. */
  'OUTBOX_FULL',
  /** More messages, or more of their bytes, than `sendBuffer` holds have no answer yet; nothing was sent. */
  'SEND_BUFFER_FULL',
  /** No connection had room for the call within `acquireTimeoutMs`, or `maxWaitingCalls` wait already; nothing was sent. */
  'POOL_EXHAUSTED',
  /** The packet is larger than the server takes; nothing was sent. */
  'FRAME_TOO_LARGE',
  /** A field does not fit the protocol (a name, a pattern, a message id); nothing was sent. */
  'BAD_FIELD',
  /** The server wants a token and none was given. */
  'TOKEN_REQUIRED',
  /** The `token` function threw; its error is the cause. */
  'TOKEN_PROVIDER_FAILED',
  /** The message may be in the log or not, and nobody will find out: see `Room.publish`. */
  'OUTCOME_UNKNOWN',
  /** A stream ran so far ahead of its reader that it was cancelled. */
  'STREAM_OVERFLOW',
  /** The server's answer is not what the request asks for. */
  'UNEXPECTED_REPLY',
  /** `NestwireClient.follow` of a room that somebody follows through the same client. */
  'ALREADY_FOLLOWED',
] as const
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number]

export class NestwireError extends Error {
  override readonly name: string = 'NestwireError'
  constructor(
    /** Stable: one of `CLIENT_ERROR_CODES`, a server's error or close code, or a socket's (`ECONNREFUSED`). */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** A failure found on this side before or beside the server. */
export class ClientError extends NestwireError {
  override readonly name = 'ClientError'
  constructor(
    override readonly code: ClientErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options)
  }
}

/** The server refused one request; the connection lives. */
export class ServerError extends NestwireError {
  override readonly name = 'ServerError'
  /** `notLogged`: nothing happened. `unknown`: it may have happened. */
  readonly outcome: Outcome
  constructor(
    readonly errorCode: number,
    message: string,
    /** 0 = the server names no time. */
    readonly retryAfterMs: number,
    /** What the handler threw (code `APPLICATION`), or the details of another code. */
    readonly body: unknown,
  ) {
    super(errorCodeName(errorCode), message)
    this.outcome = outcomeOf(errorCode)
  }
}

/** The server takes nothing new on this connection, and has not looked at the request. */
export const isDraining = (error: unknown): boolean =>
  error instanceof ServerError && error.errorCode === ErrorCode.Draining

/** The server ended the connection with a close code. */
export class ServerClosedError extends NestwireError {
  override readonly name = 'ServerClosedError'
  readonly closeCode: number
  readonly retryClass: RetryClass
  readonly retryAfterMs: number
  /** `host:port` to go to for retry class `elsewhere`; empty = the same address. */
  readonly target: string
  constructor(close: Close) {
    super(closeName(close.code), close.message || `the server closed the connection (${closeCodeName(close.code)})`)
    this.closeCode = close.code
    this.retryClass = retryClassOf(close.code)
    this.retryAfterMs = close.retryAfterMs
    this.target = close.target
  }
}

/** The connection could not be made or is over; `code` is the socket's where it had one. */
export class ConnectionClosedError extends NestwireError {
  override readonly name = 'ConnectionClosedError'
}

export class TimeoutError extends NestwireError {
  override readonly name = 'TimeoutError'
}

/** `ServerFull` → `SERVER_FULL`, spelled as error codes are; a code of a newer server → `CLOSE_2999`. */
function closeName(code: number): string {
  const name = closeCodeName(code)
  return /^\d/.test(name) ? `CLOSE_${name}` : name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()
}

/** Socket errors keep their `code`. */
export function connectionError(cause: unknown, fallback: ClientErrorCode): ConnectionClosedError {
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : fallback
  const message = cause instanceof Error && cause.message !== '' ? cause.message : 'the connection was lost'
  // OpenSSL says so in a line of its own source.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return new ConnectionClosedError(code, 'the server does not speak TLS', { cause })
  }
  return new ConnectionClosedError(code, message, { cause })
}
