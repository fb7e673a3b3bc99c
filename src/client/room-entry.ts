/** One room of a client, from the first who asks for it to the end of its loop, and who waits for it to be joined. */
import type { Clock } from '../clock.js'
import { ClientError } from './errors.js'
import type { RoomFeed } from './room-feed.js'
import type { RoomSignals } from './room-signals.js'
import type { Room } from './room.js'
import { unlessAborted } from './unless-aborted.js'
import { within } from './within.js'

interface EntryParts {
  readonly feed: RoomFeed
  readonly room: Room
  readonly signals: RoomSignals
  /** Settles with the first JOINED, or with why there is none. */
  readonly ready: Promise<void>
  readonly clock: Clock
  readonly maxWaitingCalls: number
}

interface WaitOptions {
  readonly deadlineMs: number | undefined
  readonly signal: AbortSignal | undefined
}

export class RoomEntry {
  readonly feed: RoomFeed
  readonly signals: RoomSignals
  /** There was a JOINED: the next connection brings the room back. */
  isIn = false
  private readonly askers = new Set<symbol>()
  /** Somebody has the room, and may read it. */
  private isGiven = false

  constructor(private readonly parts: EntryParts) {
    this.feed = parts.feed
    this.signals = parts.signals
  }

  /** Each who asks has a deadline of its own. When the last one gives up, the room ends at once: nobody would read it. */
  async joined({ deadlineMs, signal }: WaitOptions): Promise<Room> {
    const { ready, room, clock, maxWaitingCalls } = this.parts
    // The first one waits for the server, and not for others.
    if (!this.isIn && this.askers.size >= Math.max(1, maxWaitingCalls)) {
      throw new ClientError('POOL_EXHAUSTED', `${maxWaitingCalls} calls wait for this join already`)
    }
    const asker = Symbol('asker')
    this.askers.add(asker)
    const leave = (): void => {
      this.askers.delete(asker)
      if (this.askers.size === 0 && !this.isGiven) this.feed.end('closed')
    }
    // At once, not when the promise rejects: who asks next in the same turn begins anew.
    signal?.addEventListener('abort', leave)
    if (signal?.aborted === true) leave()
    try {
      await within(deadlineMs, clock, unlessAborted(ready, signal))
      this.isGiven = true
      return room
    } finally {
      leave()
      signal?.removeEventListener('abort', leave)
    }
  }
}
