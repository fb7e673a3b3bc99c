/**
 * Commit first, then fan out: the records that a room got in one tick leave as one batch at its end, encoded once
 * whatever the number of members. Every priority is served in order of arrival.
 */
import type { Settings } from '../config/settings.js'
import type { RoomId } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'
import type { NewRecord, RoomHead, RoomLog } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { RoomDelivery } from './room-delivery.js'
import { RoomFeed } from './room-feed.js'

/** Runs `task` once at the end of this tick. */
export type EndOfTick = (task: () => void) => void

export class Broadcaster extends RoomDelivery {
  private readonly feeds = new Map<RoomId, RoomFeed>()
  private readonly openings = new Map<RoomId, Promise<RoomFeed>>()
  private readonly deletions = new Map<RoomId, Promise<void>>()
  private marked: RoomFeed[] = []
  private readonly flushMarked = (): void => this.flushAll()

  constructor(
    private readonly log: RoomLog,
    private readonly settings: Settings,
    private readonly endOfTick: EndOfTick,
  ) {
    super()
  }

  override async append(room: RoomId, record: NewRecord): Promise<RoomRecord> {
    const feed = this.feeds.get(room) ?? (await this.feedOf(room))
    const committed = await this.log.append(room, record)
    feed.push(committed)
    if (feed.hasPending) this.mark(feed)
    return committed
  }

  override async open(room: RoomId): Promise<void> {
    if (!this.feeds.has(room)) await this.feedOf(room)
  }

  override attach(room: RoomId, connection: ConnectionHandle): RoomHead {
    const feed = this.feeds.get(room)
    if (feed === undefined) throw new Error('attach to a room that is not open')
    return feed.attach(connection, this.maxFrameBytes)
  }

  override detach(room: RoomId, connection: ConnectionHandle): void {
    this.feeds.get(room)?.detach(connection)
  }

  override sendEphemeral(room: RoomId, frame: Buffer): void {
    this.feeds.get(room)?.offerEphemeral(frame)
  }

  override deleteRoom(room: RoomId): Promise<void> {
    const opening = this.openings.get(room)
    // From here on the name stands for another room, whose opening waits for this deletion.
    this.openings.delete(room)
    this.feeds.delete(room)
    const deletion = this.deleteLog(room, opening).finally(() => {
      if (this.deletions.get(room) === deletion) this.deletions.delete(room)
    })
    this.deletions.set(room, deletion)
    return deletion
  }

  private async deleteLog(room: RoomId, opening: Promise<RoomFeed> | undefined): Promise<void> {
    await this.deletions.get(room)
    await opening?.catch(() => undefined) // whoever opens hears of the failure
    await this.log.deleteRoom(room)
  }

  /** One opening a room at a time; a failed one may be tried again. */
  private feedOf(room: RoomId): Promise<RoomFeed> {
    const running = this.openings.get(room)
    if (running !== undefined) return running
    const opening = this.openFeed(room).then(
      (feed) => {
        if (this.settle(room, opening)) this.feeds.set(room, feed)
        return feed
      },
      (error: unknown) => {
        this.settle(room, opening)
        throw error
      },
    )
    this.openings.set(room, opening)
    return opening
  }

  private async openFeed(room: RoomId): Promise<RoomFeed> {
    await this.deletions.get(room)
    return new RoomFeed(room, await this.log.head(room))
  }

  /** False if the room was deleted while it was being opened. */
  private settle(room: RoomId, opening: Promise<RoomFeed>): boolean {
    return this.openings.get(room) === opening && this.openings.delete(room)
  }

  private mark(feed: RoomFeed): void {
    if (feed.isMarked) return
    feed.isMarked = true
    if (this.marked.push(feed) === 1) this.endOfTick(this.flushMarked)
  }

  private flushAll(): void {
    const feeds = this.marked
    this.marked = []
    const { maxFrameBytes } = this
    for (const feed of feeds) {
      feed.isMarked = false
      feed.flush(maxFrameBytes)
    }
  }

  private get maxFrameBytes(): number {
    return this.settings.current.transport.maxFrameBytes
  }
}
