/**
 * A streamed reply as an async iterator. A reader that falls behind stops the reading of the whole connection; where
 * reading must go on because somebody waits for an answer, the stream is cancelled at `OVERFLOW_FACTOR` times its limit.
 */
import { ClientError, type NestwireError } from './errors.js'
import { DEFAULT_QUEUE_LIMITS, ItemQueue } from './item-queue.js'
import type { CallObserver } from './calls.js'
import type { ReadGate } from './read-gate.js'

const OVERFLOW_FACTOR = 16

export class ReplyStream implements AsyncIterator<unknown, undefined> {
  private readonly queue = new ItemQueue<unknown>(DEFAULT_QUEUE_LIMITS)
  private readonly cancel: () => void
  private isAwaited = false

  constructor(
    private readonly reading: ReadGate,
    start: (observer: CallObserver) => () => void,
  ) {
    this.cancel = start({
      next: (value, bodyBytes) => this.onValue(value, bodyBytes),
      error: (error) => this.finish(error),
      complete: () => this.finish(undefined),
    })
  }

  /** A reader that waits keeps the connection reading. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    const result = this.queue.next()
    if (this.queue.isDrained) this.reading.release(this)
    this.trackReader()
    return result
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.cancel()
    this.queue.discard()
    this.release()
    return Promise.resolve({ done: true, value: undefined })
  }

  private onValue(value: unknown, bodyBytes: number): void {
    this.queue.push(value, bodyBytes)
    this.trackReader()
    if (this.queue.isFull) this.reading.hold(this)
    if (this.queue.fullness < OVERFLOW_FACTOR) return
    this.cancel()
    this.finish(new ClientError('STREAM_OVERFLOW', 'the stream ran too far ahead of its reader'))
  }

  private finish(error: NestwireError | undefined): void {
    this.queue.end(error)
    this.release()
  }

  private release(): void {
    this.reading.release(this)
    this.trackReader()
  }

  private trackReader(): void {
    if (this.queue.isWaitedFor === this.isAwaited) return
    this.isAwaited = this.queue.isWaitedFor
    if (this.isAwaited) this.reading.await()
    else this.reading.settle()
  }
}
