/**
 * Items that are handed over one by one to a `for await` loop. Whoever hands one over waits until the loop has asked for
 * the next: that is how a slow loop slows the source.
 */
interface Waiter<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void
  readonly reject: (error: unknown) => void
}

export class ItemPull<Item> implements AsyncIterableIterator<Item, undefined> {
  private held: { readonly item: Item } | undefined
  private readonly waiters: Waiter<Item>[] = []
  private handled: (() => void) | undefined
  private ended: { readonly error: unknown } | undefined

  /** `onLeft`: the loop was left. */
  constructor(private readonly onLeft: () => void) {}

  /** One at a time: not before the promise of the last one has resolved. */
  take(item: Item): Promise<void> | undefined {
    const waiter = this.waiters.shift()
    if (waiter === undefined) this.held = { item }
    else waiter.resolve({ done: false, value: item })
    return this.waiters.length > 0 ? undefined : new Promise((resolve) => (this.handled = resolve))
  }

  /** What is held can still be read, then the loop ends or throws `error`. */
  end(error: unknown): void {
    this.ended ??= { error }
    for (const waiter of this.waiters.splice(0)) this.finish(waiter)
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const { held } = this
    this.held = undefined
    if (held !== undefined) return Promise.resolve({ done: false, value: held.item })
    this.handled?.()
    this.handled = undefined
    return new Promise((resolve, reject) => {
      if (this.ended === undefined) this.waiters.push({ resolve, reject })
      else this.finish({ resolve, reject })
    })
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.held = undefined
    this.handled?.()
    this.end(undefined)
    this.onLeft()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The error is told once. */
  private finish({ resolve, reject }: Waiter<Item>): void {
    const error = this.ended?.error
    this.ended = { error: undefined }
    if (error === undefined) resolve({ done: true, value: undefined })
    else reject(error)
  }
}
