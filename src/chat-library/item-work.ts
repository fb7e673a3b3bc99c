import type { Subscriber } from 'rxjs'
import type { RoomItem } from '../client/room-items.js'
import type { RoomListener } from './room-audience.js'

/** A subscriber as a listener of a room: busy with an item until its work on it is done, or it has unsubscribed. */
export class ItemWork implements RoomListener {
  private finishItem: (() => void) | undefined

  /** Without `work` the items themselves are told, at once. */
  constructor(
    private readonly subscriber: Subscriber<unknown>,
    private readonly work: ((item: RoomItem) => unknown) | undefined,
  ) {}

  item(item: RoomItem): Promise<void> | undefined {
    const { work, subscriber } = this
    if (work === undefined) {
      subscriber.next(item)
      return undefined
    }
    return new Promise((resolve) => {
      this.finishItem = resolve
      void this.run(work, item).then(resolve)
    })
  }

  end(error: unknown): void {
    endSubscriber(this.subscriber, error)
  }

  /** The room need not wait any longer. */
  release(): void {
    this.finishItem?.()
  }

  private async run(work: (item: RoomItem) => unknown, item: RoomItem): Promise<void> {
    try {
      this.subscriber.next(await work(item))
    } catch (error) {
      this.subscriber.error(error)
    }
  }
}

export function endSubscriber(subscriber: Subscriber<unknown>, error: unknown): void {
  if (error === undefined) subscriber.complete()
  else subscriber.error(error)
}
