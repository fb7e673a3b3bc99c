/**
 * Rooms of which a commit failed with an open outcome: the record may be on disk all the same, and nobody was told. As
 * soon as the log works again each is asked how far it goes, and members that are behind read on from there. Holds rooms
 * of failed commits only; an append that succeeds tells the same, since its `prev` is beyond what members have.
 */
import type { Clock } from '../clock.js'
import type { RoomLog } from '../log/room-log.js'
import type { RoomFeed } from './room-feed.js'

interface HeadCheckParts {
  readonly log: Pick<RoomLog, 'fault' | 'head'>
  readonly clock: Pick<Clock, 'every'>
  /** False once the room was deleted: its name may stand for another one. */
  readonly isOpen: (feed: RoomFeed) => boolean
}

const LOOK_MS = 1_000

export class HeadCheck {
  private readonly feeds = new Set<RoomFeed>()
  private stopLooking: (() => void) | undefined

  constructor(private readonly parts: HeadCheckParts) {}

  /** Idempotent. */
  add(feed: RoomFeed): void {
    this.feeds.add(feed)
    this.stopLooking ??= this.parts.clock.every(LOOK_MS, () => this.look())
  }

  private look(): void {
    const { log, isOpen } = this.parts
    if (log.fault() !== undefined) return
    this.stopLooking?.()
    this.stopLooking = undefined
    const feeds = [...this.feeds].filter(isOpen)
    this.feeds.clear()
    for (const feed of feeds) void this.check(feed)
  }

  private async check(feed: RoomFeed): Promise<void> {
    try {
      const { epoch, seq } = await this.parts.log.head(feed.room)
      if (epoch === feed.epoch) feed.reach(seq)
    } catch {
      this.add(feed)
    }
  }
}
