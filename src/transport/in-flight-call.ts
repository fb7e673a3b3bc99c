/**
 * One request being handled: turns what the handler gives (a value, a stream, a failure) into frames, until it is
 * settled, cancelled or out of time. After that nothing it does is seen by anyone.
 */
import type { Observable, Subscription } from 'rxjs'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Connection } from './connection.js'
import { errorFrame, failureFrame, valueFrame } from './reply-frames.js'
import type { Timed, TimerWheel } from './timer-wheel.js'
import type { LimitsSource } from './transport-limits.js'

export interface CallHost {
  readonly limits: LimitsSource
  readonly wheel: TimerWheel
}

/** How the answer leaves when it is not a MessagePack REPLY. */
export interface CallShape {
  /** The frame for the handler's result. */
  readonly toReply?: (result: unknown, correlation: number) => Buffer
  /** Called once, after the answer was queued. */
  readonly onSettled?: (isSuccess: boolean) => void
}
const PLAIN: CallShape = {}

export class InFlightCall implements Timed {
  wheelSlot = -1
  dueAtMs = 0
  private subscription: Subscription | undefined
  private isDone = false

  constructor(
    private readonly host: CallHost,
    private readonly connection: Connection,
    private readonly correlation: number,
    private readonly shape: CallShape = PLAIN,
  ) {
    connection.begin()
  }

  /** Answers with `result` and is over. */
  reply(result: unknown): void {
    if (this.isDone) return
    const { toReply } = this.shape
    this.answer(() => (toReply === undefined ? this.valueFrame('reply', result) : toReply(result, this.correlation)))
  }

  /** Answers with the values of `results` as they come. A compact call is answered by the first. */
  follow(results: Observable<unknown>): void {
    if (this.isDone) return
    const subscription = results.subscribe({
      next: (value) => this.next(value),
      error: (failure: unknown) => this.fail(failure),
      complete: () => this.complete(),
    })
    if (this.isDone) subscription.unsubscribe()
    else this.subscription = subscription
  }

  fail(failure: unknown): void {
    if (this.isDone) return
    this.send(failureFrame(this.correlation, failure, this.host.limits.current.maxFrameBytes))
    this.settle(false)
  }

  /** The caller is gone or no longer interested: stops the work as far as it can be stopped, and says nothing. */
  abandon(): void {
    if (!this.isDone) this.settle(false)
  }

  onDue(): void {
    if (this.isDone) return
    this.connection.reply(errorFrame(this.correlation, ErrorCode.DeadlineExceeded, 'no answer before the deadline'))
    this.settle(false)
  }

  private next(value: unknown): void {
    if (this.isDone) return
    if (this.shape.toReply !== undefined) return this.reply(value)
    if (this.connection.queuedBytes > this.host.limits.current.maxStreamBufferBytes) {
      this.connection.reply(
        errorFrame(this.correlation, ErrorCode.StreamOverrun, 'the stream outran its reader and was stopped'),
      )
      return this.settle(false)
    }
    try {
      this.connection.reply(this.valueFrame('next', value))
    } catch (error) {
      this.unsendable(error)
    }
  }

  private complete(): void {
    if (this.isDone) return
    if (this.shape.toReply === undefined)
      this.answer(() => encodePacket({ kind: 'end', correlation: this.correlation }))
    else this.reply(undefined)
  }

  private answer(frame: () => Buffer): void {
    try {
      this.send(frame())
    } catch (error) {
      return this.unsendable(error)
    }
    this.settle(true)
  }

  /** What answers a compact call is the only frame that does, and goes ahead of deliveries. */
  private send(frame: Buffer): void {
    if (this.shape.toReply === undefined) this.connection.reply(frame)
    else this.connection.replyAhead(frame)
  }

  private unsendable(error: unknown): void {
    const reason = error instanceof Error ? error.message : 'the answer cannot be sent'
    this.connection.reply(errorFrame(this.correlation, ErrorCode.Internal, reason))
    this.settle(false)
  }

  private settle(isSuccess: boolean): void {
    this.isDone = true
    this.host.wheel.cancel(this)
    this.subscription?.unsubscribe()
    this.connection.calls?.delete(this.correlation)
    this.shape.onSettled?.(isSuccess)
    this.connection.finish()
  }

  private valueFrame(kind: 'reply' | 'next', value: unknown): Buffer {
    return valueFrame(kind, this.correlation, value, this.host.limits.current.maxFrameBytes)
  }
}
