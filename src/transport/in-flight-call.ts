/**
 * One request being handled: turns what the handler gives (a value, a stream, a failure) into frames, until it is
 * settled, cancelled or out of time. After that nothing it does is seen by anyone.
 */
import { Subscription, type Observable } from 'rxjs'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Connection } from './connection.js'
import type { ConnectionLog } from './connection-log.js'
import type { NestwireContext } from './nestwire.context.js'
import { isAsyncIterable, maskedValues } from './paced-values.js'
import { errorCodeOf, errorFrame, failureFrame, valueFrame } from './reply-frames.js'
import type { PatternCounters, RequestCounters } from './request-counters.js'
import type { Timed, TimerWheel } from './timer-wheel.js'
import type { LimitsSource } from './transport-limits.js'

export interface CallHost {
  readonly limits: LimitsSource
  readonly wheel: TimerWheel
  readonly requests: RequestCounters
  readonly log: ConnectionLog
}

/** How the answer leaves when it is not a MessagePack REPLY, and where it is counted. */
export interface CallShape {
  readonly context: NestwireContext
  readonly counters: PatternCounters
  /** The frame for the handler's result. */
  readonly toReply?: (result: unknown, correlation: number) => Buffer
  /** Called once, after the answer was queued. */
  readonly onSettled?: (isSuccess: boolean, error?: ErrorCode) => void
}

/** Of a handler that answers with streams. */
interface StreamEnds {
  /** Hears of a failure that is told. */
  readonly failed: (failure: unknown) => void
  /** Called once, when none of them gives anything any more. */
  readonly over: () => void
}

export class InFlightCall implements Timed {
  wheelSlot = -1
  dueAtMs = 0
  private subscription: Subscription | undefined
  private streamsOver: (() => void) | undefined
  /** Streams that have not come to their end. */
  private openStreams = 0
  private isDone = false
  private readonly startedAtMs = performance.now()

  constructor(
    private readonly host: CallHost,
    private readonly connection: Connection,
    private readonly correlation: number,
    private readonly shape: CallShape,
  ) {
    host.requests.inFlight += 1
    connection.begin()
  }

  /** Nobody waits for it any more. */
  get isOver(): boolean {
    return this.isDone
  }

  /** Answers with `result` and is over. */
  reply(result: unknown): void {
    if (this.isDone) return
    const { toReply } = this.shape
    this.answer(() => (toReply === undefined ? this.valueFrame('reply', result) : toReply(result, this.correlation)))
  }

  /** Answers with the values of `results` as they come. A compact call is answered by the first. */
  follow(results: Observable<unknown>, ends: StreamEnds): void {
    if (this.isDone) return
    this.openStreams += 1
    this.streamsOver = ends.over
    this.subscription ??= new Subscription()
    this.subscription.add(
      results.subscribe({
        // What a handler gave comes as a value from behind an interceptor.
        next: (value) => {
          if (isAsyncIterable(value)) this.follow(maskedValues(value, this.connection), ends)
          else this.next(value)
        },
        error: (failure: unknown) => {
          if (!this.isDone) ends.failed(failure)
          this.fail(failure)
        },
        complete: () => {
          this.openStreams -= 1
          if (this.openStreams === 0) this.complete()
        },
      }),
    )
  }

  fail(failure: unknown): void {
    if (this.isDone) return
    this.send(failureFrame(this.correlation, failure, this.host.limits.current.maxFrameBytes))
    this.settle(false, errorCodeOf(failure))
  }

  /** The caller is gone or no longer interested: stops the work as far as it can be stopped, and says nothing. */
  abandon(): void {
    if (this.isDone) return
    this.settle(false)
    this.shape.context.abandon()
  }

  onDue(): void {
    if (this.isDone) return
    this.connection.reply(errorFrame(this.correlation, ErrorCode.DeadlineExceeded, 'no answer before the deadline'))
    this.settle(false, ErrorCode.DeadlineExceeded)
    this.shape.context.abandon()
  }

  private next(value: unknown): void {
    if (this.isDone) return
    if (this.shape.toReply !== undefined) return this.reply(value)
    if (this.connection.isOverrun) {
      this.connection.reply(
        errorFrame(this.correlation, ErrorCode.StreamOverrun, 'the stream outran its reader and was stopped'),
      )
      return this.settle(false, ErrorCode.StreamOverrun)
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
    this.host.log.answerUnsendable(this.shape.context, reason)
    this.connection.reply(errorFrame(this.correlation, ErrorCode.Internal, reason))
    this.settle(false, ErrorCode.Internal)
  }

  private settle(isSuccess: boolean, error?: ErrorCode): void {
    // An answer may leave at once, and make room to read on: what is read may be the CANCEL of this call.
    if (this.isDone) return
    this.isDone = true
    const { counters } = this.shape
    this.host.requests.inFlight -= 1
    counters.seconds.observe((performance.now() - this.startedAtMs) / 1000)
    if (error !== undefined) counters.failed(error)
    this.host.wheel.cancel(this)
    this.unsubscribe()
    this.streamsOver?.()
    // A compact call is not among them, and may have the number of one that is.
    if (this.connection.calls?.get(this.correlation) === this) this.connection.calls.delete(this.correlation)
    this.shape.onSettled?.(isSuccess, error)
    this.connection.finish()
  }

  /** What its teardown throws must not keep its connection from ending. */
  private unsubscribe(): void {
    try {
      this.subscription?.unsubscribe()
    } catch (error) {
      this.host.log.callBroken(this.shape.context, error)
    }
  }

  private valueFrame(kind: 'reply' | 'next', value: unknown): Buffer {
    return valueFrame(kind, this.correlation, value, this.host.limits.current.maxFrameBytes)
  }
}
