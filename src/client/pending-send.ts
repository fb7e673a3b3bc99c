/** One message from the call that sends it to its answer, over as many connections as that takes. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.js'
import { MESSAGE_ID_BYTES } from '../protocol/constants.js'
import type { RoomId } from '../protocol/ids.js'
import type { PublishOptions, RepeatOptions } from './connection-options.js'
import { ClientError, ConnectionClosedError, TimeoutError, type NestwireError } from './errors.js'
import { toOwnBytes } from './outgoing-fields.js'

export interface Published {
  readonly seq: number
  /** Unix milliseconds, the server's clock. */
  readonly timeMs: number
}

export interface Settle {
  readonly resolve: (published: Published) => void
  readonly reject: (error: NestwireError) => void
}

interface MessageToSend {
  readonly room: RoomId
  readonly body: string | Uint8Array
  readonly options: PublishOptions
}

type ClockToAgeBy = Pick<Clock, 'now' | 'uptimeMs'>

export class PendingSend {
  readonly room: RoomId
  readonly body: Buffer
  /** On a connection, unanswered. */
  isInFlight = false
  /** Why the last try came to nothing. */
  failure: NestwireError | undefined
  private readonly options: PublishOptions
  private readonly dueAtMs: number
  private firstSent: { readonly uptimeMs: number; readonly nowMs: number } | undefined

  constructor(
    { room, body, options }: MessageToSend,
    readonly settle: Settle,
    private readonly clock: ClockToAgeBy,
  ) {
    const { messageId, priority = 'normal', deadlineMs = Infinity } = options
    this.room = room
    this.body = toOwnBytes(body)
    this.options = {
      priority,
      messageId: messageId === undefined ? randomBytes(MESSAGE_ID_BYTES) : Buffer.from(messageId),
    }
    this.dueAtMs = clock.uptimeMs() + deadlineMs
  }

  /** It was sent before, and may be in the log. */
  get isRepeat(): boolean {
    return this.firstSent !== undefined
  }

  /** Since the first try; `undefined` before it. The larger of two clocks: uptime stands still while a machine sleeps. */
  get ageMs(): number | undefined {
    if (this.firstSent === undefined) return undefined
    const { uptimeMs, nowMs } = this.firstSent
    return Math.max(this.clock.uptimeMs() - uptimeMs, this.clock.now() - nowMs)
  }

  /** A try begins; what to send it with. */
  begin(): RepeatOptions {
    const { options, ageMs, dueAtMs } = this
    const uptimeMs = this.clock.uptimeMs()
    this.firstSent ??= { uptimeMs, nowMs: this.clock.now() }
    this.isInFlight = true
    return { ...options, ageMs, ...(dueAtMs !== Infinity && { deadlineMs: dueAtMs - uptimeMs }) }
  }

  /** The only try was certainly not looked at: the next one is the first. */
  forgetTry(): void {
    this.firstSent = undefined
  }

  /** Whether it can no longer be sent; `windowMs`: how long the server knows a repeat, 0 = not at all. */
  isLate(windowMs: number): boolean {
    const { ageMs } = this
    return this.isOverdue || (ageMs !== undefined && (windowMs === 0 || ageMs > windowMs))
  }

  /** Clock uptime when it will be too late, unless the machine sleeps. */
  lateAtMs(windowMs: number): number {
    return Math.min(this.dueAtMs, this.firstSent === undefined ? Infinity : this.firstSent.uptimeMs + windowMs + 1)
  }

  /** It was too late. */
  expire(): void {
    const { failure: cause } = this
    const isDoubtful = !this.isOverdue
    this.settle.reject(
      isDoubtful ? outcomeUnknown(cause) : new TimeoutError('DEADLINE_EXCEEDED', 'no answer came in time', { cause }),
    )
  }

  /** There will be no other try. */
  giveUp(cause: NestwireError): void {
    const isDoubtful = this.firstSent !== undefined
    this.settle.reject(
      isDoubtful
        ? outcomeUnknown(cause)
        : new ConnectionClosedError('NOT_CONNECTED', 'the message was not sent', { cause }),
    )
  }

  private get isOverdue(): boolean {
    return this.clock.uptimeMs() >= this.dueAtMs
  }
}

export const outcomeUnknown = (cause: NestwireError | undefined): ClientError =>
  new ClientError('OUTCOME_UNKNOWN', 'nobody knows whether the message is in the log', { cause })
