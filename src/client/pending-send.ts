/** One message from the call that sends it to its answer, over as many connections as that takes. */
import { randomBytes } from 'node:crypto'
import { MESSAGE_ID_BYTES } from '../protocol/constants.js'
import type { RoomId } from '../protocol/ids.js'
import type { CallPriority, PublishOptions } from './connection-options.js'
import { ClientError, ConnectionClosedError, TimeoutError, type NestwireError } from './errors.js'

export interface Published {
  readonly seq: number
  /** Unix milliseconds, the server's clock. */
  readonly timeMs: number
}

export interface Settle {
  readonly resolve: (published: Published) => void
  readonly reject: (error: NestwireError) => void
}

export class PendingSend {
  readonly messageId: Buffer
  readonly priority: CallPriority
  /** On a connection, unanswered. */
  isInFlight = false
  /** Clock uptime; `undefined`: never sent, or certainly not logged. */
  firstSentAtMs: number | undefined
  /** Why the last try came to nothing. */
  failure: NestwireError | undefined

  /** Owns `body`. `dueAtMs`: clock uptime after which nobody waits; `Infinity` = never. */
  constructor(
    readonly room: RoomId,
    readonly body: Buffer,
    readonly dueAtMs: number,
    options: PublishOptions,
    readonly settle: Settle,
  ) {
    this.messageId = options.messageId === undefined ? randomBytes(MESSAGE_ID_BYTES) : Buffer.from(options.messageId)
    this.priority = options.priority ?? 'normal'
  }

  /** When it can no longer wait to be sent; `windowMs`: how long the server knows a repeat. */
  lastCallMs(windowMs: number): number {
    const forgottenAtMs = this.firstSentAtMs === undefined ? Infinity : this.firstSentAtMs + windowMs + 1
    return Math.min(this.dueAtMs, forgottenAtMs)
  }

  /** Nobody will send it (again). */
  giveUp(cause: NestwireError): void {
    if (this.firstSentAtMs !== undefined) return this.settle.reject(outcomeUnknown(cause))
    this.settle.reject(new ConnectionClosedError('NOT_CONNECTED', 'the message was not sent', { cause }))
  }

  /** It can no longer wait. */
  expire(nowMs: number): void {
    const { failure: cause } = this
    if (nowMs < this.dueAtMs) return this.settle.reject(outcomeUnknown(cause))
    this.settle.reject(new TimeoutError('DEADLINE_EXCEEDED', 'no answer came in time', { cause }))
  }
}

export const outcomeUnknown = (cause: NestwireError | undefined): ClientError =>
  new ClientError('OUTCOME_UNKNOWN', 'nobody knows whether the message is in the log', { cause })
