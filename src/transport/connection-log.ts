/**
 * What the transport writes into the log. Each line has the fields `connection`, `user`, `room`, `code` and `trace` as far as
 * they are known, never a payload or a token. Single connections and refusals are told at level debug; of ends that
 * somebody has to answer for a warning says how many there were, so that a flood is a line and not a flood of lines.
 */
import { Logger } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { LineBudget } from '../line-budget.js'
import { CloseCode, closeCodeName } from '../protocol/close-codes.js'
import { ErrorCode, errorCodeName } from '../protocol/error-codes.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { NestwireContext } from './nestwire.context.js'
import { CodedFailure } from './nestwire.exception.js'

/** For each code one connection is told of in this time, then how many more there were. */
const WARNING_INTERVAL_MS = 10_000
/** Ends that belong to the life of any connection. */
const ORDINARY_ENDS: ReadonlySet<CloseCode | undefined> = new Set([
  undefined,
  CloseCode.Normal,
  CloseCode.TokenExpired,
  CloseCode.IdleTimeout,
  CloseCode.ShuttingDown,
  CloseCode.BelongsElsewhere,
  CloseCode.TakenOver,
  CloseCode.SessionRevoked,
])
/** Unknown event patterns come from outside: the log tells of this many and no more. */
const MAX_REPORTED_EVENTS = 100
/** What Nest's filter makes of an exception that nobody foresaw; it has logged that one with its stack. */
const UNFORESEEN = 'Internal server error'

export class ConnectionLog {
  private readonly logger = new Logger('Nestwire')
  private readonly warnings = new LineBudget(1)
  private readonly reportedEvents = new Set<string>()
  private stop: (() => void) | undefined

  constructor(private readonly clock: Clock) {}

  close(): void {
    this.sumUp()
    this.stop?.()
    this.stop = undefined
  }

  connectionOpened(connection: ConnectionHandle): void {
    if (!Logger.isLevelEnabled('debug')) return
    this.logger.debug('connection opened', { ...fieldsOf(connection), address: addressOf(connection) })
  }

  /** `reason` as in CLOSE; without a code the other side hung up. */
  connectionClosed(connection: ConnectionHandle, code: CloseCode | undefined, reason: string): void {
    const name = code === undefined ? undefined : closeCodeName(code)
    const fields = () => ({ ...fieldsOf(connection), address: addressOf(connection), code: name, reason })
    if (Logger.isLevelEnabled('debug')) this.logger.debug('connection closed', fields())
    if (name === undefined || ORDINARY_ENDS.has(code)) return
    this.sumUpLater()
    if (this.warnings.admits(name)) this.logger.warn(`a connection was closed with ${name}`, fields())
  }

  /** A method of its own: made beside another closure, the timer's would keep what that one names, a connection. */
  private sumUpLater(): void {
    this.stop ??= this.clock.every(WARNING_INTERVAL_MS, () => this.sumUp())
  }

  /** A bug: somebody's bytes have reached it. */
  connectionFailed(connection: ConnectionHandle, error: unknown): void {
    this.logger.error(error, fieldsOf(connection))
  }

  /** `failure` as filters left it. */
  callFailed(context: NestwireContext, data: unknown, failure: unknown): void {
    const fields = () => ({ ...context.getLogFields(), room: roomOf(data), code: codeOf(failure) })
    if (messageOf(failure) === UNFORESEEN) this.logger.error('a handler failed, as the line before says', fields())
    else if (Logger.isLevelEnabled('debug')) this.logger.debug(`refused: ${messageOf(failure)}`, fields())
  }

  /** A filter or a hook of the application is broken. */
  callBroken(context: NestwireContext, error: unknown): void {
    this.logger.error(error, context.getLogFields())
  }

  /** What a handler answered with has no form on the wire, or is more than a frame holds: a bug of that handler. */
  answerUnsendable(context: NestwireContext, reason: string): void {
    const fields = { ...context.getLogFields(), code: errorCodeName(ErrorCode.Internal) }
    this.logger.error(`an answer of a handler cannot be sent: ${reason}`, fields)
  }

  unknownEvent(context: NestwireContext): void {
    const pattern = context.getPattern()
    if (this.reportedEvents.size >= MAX_REPORTED_EVENTS || this.reportedEvents.has(pattern)) return
    this.reportedEvents.add(pattern)
    const text = 'There is no matching event handler defined in the remote service.'
    this.logger.error(`${text} Event pattern: ${pattern}`, context.getLogFields())
  }

  draining(connections: number, drainTimeoutMs: number): void {
    this.logger.log('draining', { connections, drainTimeoutMs })
  }

  /** `cut`: connections whose requests did not end in time. */
  drained(afterMs: number, cut: number): void {
    this.logger.log('drained', { afterMs, cut })
  }

  private sumUp(): void {
    const leftOut = this.warnings.next()
    for (const [code, more] of leftOut) {
      this.logger.warn(`${more} more connections were closed with ${code}`, { code, more })
    }
    if (leftOut.length > 0) return
    this.stop?.()
    this.stop = undefined
  }
}

const fieldsOf = ({ id, principal }: ConnectionHandle) => ({ connection: id, user: principal?.user })

/** By convention: whatever is said to a room names it so. */
const roomOf = (data: unknown): string | undefined =>
  typeof data === 'object' && data !== null && 'room' in data && typeof data.room === 'string' ? data.room : undefined

const codeOf = (failure: unknown): string =>
  failure instanceof CodedFailure ? failure.code : errorCodeName(ErrorCode.Application)

const messageOf = (failure: unknown): string =>
  typeof failure === 'object' && failure !== null && 'message' in failure ? String(failure.message) : String(failure)

/** Nothing of a socket that is gone. */
const addressOf = ({ remoteAddress }: ConnectionHandle): string | undefined => remoteAddress || undefined
