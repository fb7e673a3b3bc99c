/** The feeds of all rooms that are open, and the order of opening and deleting one name. */
import type { RoomLog, RoomJournal } from '../log/room-log.js'
import type { RoomId } from '../protocol/ids.js'
import { RoomFeed, type RoomFeedHost } from './room-feed.js'

export class RoomFeeds {
  private readonly feeds = new Map<RoomId, RoomFeed>()
  private readonly openings = new Map<RoomId, Promise<RoomFeed>>()
  private readonly deletions = new Map<RoomId, Promise<void>>()

  constructor(
    private readonly parts: { readonly log: RoomLog; readonly journal: RoomJournal },
    private readonly host: RoomFeedHost,
  ) {}

  get(room: RoomId): RoomFeed | undefined {
    return this.feeds.get(room)
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
        if (this.settle(room, opening)) this.feeds.set(room, feed)
      },
      () => this.settle(room, opening),
    )
    return opening
  }

  /** From here on the name stands for another room, whose opening waits for this deletion. */
  delete(room: RoomId): Promise<void> {
    const opening = this.openings.get(room)
    this.openings.delete(room)
    this.feeds.delete(room)
    const deletion = this.deleteLog(room, opening).finally(() => {
      if (this.deletions.get(room) === deletion) this.deletions.delete(room)
    })
    this.deletions.set(room, deletion)
    return deletion
  }

  private async read(room: RoomId): Promise<RoomFeed> {
    await this.deletions.get(room)
    return RoomFeed.open(room, { ...this.parts, host: this.host })
  }

  private async deleteLog(room: RoomId, opening: Promise<RoomFeed> | undefined): Promise<void> {
    await this.deletions.get(room)
    await opening?.catch(() => undefined) // whoever opens hears of the failure
    await this.parts.log.deleteRoom(room)
  }

  /** False if the room was deleted while it was being opened. */
  private settle(room: RoomId, opening: Promise<RoomFeed>): boolean {
    return this.openings.get(room) === opening && this.openings.delete(room)
  }
}
