/**
 * Items pushed by a socket, pulled by one `for await` loop. Counts items and bytes, says when it is full and when it has
 * drained again; it never refuses, since what to do with too much is its owner's decision.
 */
export interface QueueLimits {
  readonly maxItems: number
  readonly maxBytes: number
}
export const DEFAULT_QUEUE_LIMITS: QueueLimits = { maxItems: 1000, maxBytes: 1024 * 1024 }

interface Held<T> {
  readonly item: T
  readonly bytes: number
}
interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void
  reject(error: Error): void
}

export class ItemQueue<T> {
  private held: Held<T>[] = []
  private taken = 0
  private heldBytes = 0
  private waiters: Waiter<T>[] = []
  private ended: { readonly error: Error | undefined } | undefined

  constructor(private readonly limits: QueueLimits) {}

  /** 1 = the fuller of the two limits is reached. */
  get fullness(): number {
    return Math.max((this.held.length - this.taken) / this.limits.maxItems, this.heldBytes / this.limits.maxBytes)
  }
  get isFull(): boolean {
    return this.fullness >= 1
  }
  /** At most half full: time to go on filling. */
  get isDrained(): boolean {
    return this.fullness <= 0.5
  }
  get isWaitedFor(): boolean {
    return this.waiters.length > 0
  }
  get isEnded(): boolean {
    return this.ended !== undefined
  }

  push(item: T, bytes: number): void {
    if (this.ended !== undefined) return
    const waiter = this.waiters.shift()
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: item })
      return
    }
    this.held.push({ item, bytes })
    this.heldBytes += bytes
  }

  /** No more items; the reader still gets those held, then the end or `error`. */
  end(error?: Error): void {
    if (this.ended !== undefined) return
    this.ended = { error }
    for (const waiter of this.waiters.splice(0)) this.finish(waiter)
  }

  /** Ends and forgets what nobody read. */
  discard(): void {
    this.end()
    this.ended = { error: undefined }
    this.held = []
    this.taken = 0
    this.heldBytes = 0
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const entry = this.take()
    if (entry !== undefined) return Promise.resolve({ done: false, value: entry.item })
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = { resolve, reject }
      if (this.ended === undefined) this.waiters.push(waiter)
      else this.finish(waiter)
    })
  }

  private take(): Held<T> | undefined {
    const entry = this.held[this.taken]
    if (entry === undefined) return undefined
    this.taken += 1
    this.heldBytes -= entry.bytes
    // Amortised: each entry is moved at most once for each one taken.
    if (this.taken * 2 >= this.held.length) {
      this.held = this.held.slice(this.taken)
      this.taken = 0
    }
    return entry
  }

  /** The error is told once; a loop that asks again gets the plain end. */
  private finish(waiter: Waiter<T>): void {
    const error = this.ended?.error
    this.ended = { error: undefined }
    if (error === undefined) waiter.resolve({ done: true, value: undefined })
    else waiter.reject(error)
  }
}
