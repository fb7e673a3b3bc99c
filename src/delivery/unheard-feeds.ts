/**
 * Feeds without members. In a cluster each makes the network carry all that is said in its room, and everywhere it takes
 * memory; so it is closed once nobody has wanted it for a while, by one timer for all. Holds feeds without members only,
 * and no timer without feeds.
 */
import type { Clock } from '../clock.js'
import type { RoomFeed } from './room-feed.js'

/**
 * Longer than the way from `open` to `attach`, which waits for a commit (10 s at most), and than a client takes to come
 * back (a crowd is told 45 s at most): a subscription costs a round trip and a look at the room's end.
 */
export const FEED_IDLE_MS = 60_000
const SWEEP_MS = 10_000

interface UnheardParts {
  readonly clock: Pick<Clock, 'every' | 'uptimeMs'>
  /** Whether something still needs the feed. */
  readonly isInUse: (feed: RoomFeed) => boolean
  readonly close: (feed: RoomFeed) => void
}

export class UnheardFeeds {
  /** When each was last wanted, longest ago first. */
  private readonly sinceMs = new Map<RoomFeed, number>()
  private stopSweeping: (() => void) | undefined

  constructor(private readonly parts: UnheardParts) {}

  /** The feed was opened or asked for, or a member came or left. */
  used(feed: RoomFeed): void {
    this.sinceMs.delete(feed)
    if (feed.hasMembers) return this.restIfDone()
    this.sinceMs.set(feed, this.parts.clock.uptimeMs())
    this.stopSweeping ??= this.parts.clock.every(SWEEP_MS, () => this.sweep())
  }

  /** The feed has ended. */
  remove(feed: RoomFeed): void {
    if (this.sinceMs.delete(feed)) this.restIfDone()
  }

  private sweep(): void {
    const nowMs = this.parts.clock.uptimeMs()
    for (const [feed, sinceMs] of this.sinceMs) {
      if (nowMs - sinceMs < FEED_IDLE_MS) break
      if (this.parts.isInUse(feed)) this.used(feed)
      else this.parts.close(feed)
    }
  }

  private restIfDone(): void {
    if (this.sinceMs.size > 0) return
    this.stopSweeping?.()
    this.stopSweeping = undefined
  }
}
