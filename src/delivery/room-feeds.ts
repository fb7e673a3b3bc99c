/** The feeds of all rooms that are open, the order of opening and deleting one name, and the end of those nobody hears. */
import type { Clock } from '../clock.js'
import type { RoomLog, RoomJournal } from '../log/room-log.js'
import type { Epoch, RoomId } from '../protocol/ids.js'
import { RoomFeed, type RoomFeedHost } from './room-feed.js'
import { UnheardFeeds } from './unheard-feeds.js'

interface FeedsParts {
  readonly log: RoomLog
  readonly journal: RoomJournal
  readonly clock: Pick<Clock, 'every' | 'uptimeMs'>
  /** Whether the room's feed must stay although nobody hears it. */
  readonly isInUse: (room: RoomId) => boolean
}

export class RoomFeeds {
  private readonly feeds = new Map<RoomId, RoomFeed>()
  private readonly openings = new Map<RoomId, Promise<RoomFeed>>()
  private readonly deletions = new Map<RoomId, Promise<void>>()
  private readonly unheard: UnheardFeeds

  constructor(
    private readonly parts: FeedsParts,
    private readonly host: RoomFeedHost,
  ) {
    this.unheard = new UnheardFeeds({
      clock: parts.clock,
      isInUse: ({ room }) => parts.isInUse(room),
      close: (feed) => this.close(feed),
    })
  }

  [Symbol.iterator](): IterableIterator<RoomFeed> {
    return this.feeds.values()
  }

  get(room: RoomId): RoomFeed | undefined {
    return this.feeds.get(room)
  }

  /** Resolves when a deletion of that name in progress is over; `undefined` if there is none. */
  deletionOf(room: RoomId): Promise<void> | undefined {
    return this.deletions.get(room)
  }

  /** The feed was asked for, or a member came or left: it stays open for `FEED_IDLE_MS` at least. */
  used(feed: RoomFeed): void {
    this.unheard.used(feed)
  }

  /** One opening a room at a time; a failed one may be tried again. Waits for a deletion of that name. */
  open(room: RoomId): Promise<RoomFeed> {
    const running = this.openings.get(room)
    if (running !== undefined) return running
    const opening = this.read(room)
    this.openings.set(room, opening)
    // The first to hear of it, right before all who wait for it: whoever finds the feed comes after them.
    opening.then(
      (feed) => {
        if (!this.settle(room, opening)) return feed.abandon()
        this.feeds.set(room, feed)
        this.used(feed)
      },
      () => this.settle(room, opening),
    )
    return opening
  }

  /** From here on the name stands for another room, whose opening waits for this deletion. */
  delete(room: RoomId, epoch?: Epoch): Promise<void> {
    const opening = this.openings.get(room)
    this.openings.delete(room)
    const feed = this.feeds.get(room)
    if (feed !== undefined) this.close(feed)
    const deletion = this.deleteLog(room, epoch, opening)
    this.deletions.set(room, deletion)
    const settle = (): void => {
      if (this.deletions.get(room) === deletion) this.deletions.delete(room)
    }
    // As above: whoever finds it over comes after those who wait for it.
    deletion.then(settle, settle)
    return deletion
  }

  private close(feed: RoomFeed): void {
    this.feeds.delete(feed.room)
    this.unheard.remove(feed)
    feed.abandon()
  }

  private async read(room: RoomId): Promise<RoomFeed> {
    await this.deletions.get(room)
    return RoomFeed.open(room, { ...this.parts, host: this.host })
  }

  private async deleteLog(
    room: RoomId,
    epoch: Epoch | undefined,
    opening: Promise<RoomFeed> | undefined,
  ): Promise<void> {
    await this.deletions.get(room)
    await opening?.catch(() => undefined) // whoever opens hears of the failure
    await this.parts.log.deleteRoom(room, epoch)
  }

  /** False if the room was deleted while it was being opened. */
  private settle(room: RoomId, opening: Promise<RoomFeed>): boolean {
    return this.openings.get(room) === opening && this.openings.delete(room)
  }
}
