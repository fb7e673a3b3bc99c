/** A room that this client is in: publish to it, and read it with one `for await` loop. */
import { ClientError, ConnectionClosedError, ServerClosedError } from './errors.js'
import type { PublishOptions } from './connection-options.js'
import type { ConnectionKeeper } from './connection-keeper.js'
import type { EndReason, RoomFeed } from './room-feed.js'
import type { RoomItem } from './room-items.js'

export interface Published {
  readonly seq: number
  /** Unix milliseconds, the server's clock. */
  readonly timeMs: number
}

export class Room implements AsyncIterable<RoomItem> {
  constructor(
    readonly name: string,
    private readonly keeper: ConnectionKeeper,
    private readonly feed: RoomFeed,
  ) {}

  /** Why the loop ended; `undefined` while it may go on. */
  get endReason(): EndReason | undefined {
    return this.feed.endReason
  }

  /**
   * Resolves when the message is in the log. OUTCOME_UNKNOWN: the connection ended before the answer, the message may
   * be there or not. NOT_CONNECTED, OUTBOX_FULL, FRAME_TOO_LARGE and errors of outcome `notLogged`: it is not.
   */
  async publish(body: string | Uint8Array, options: PublishOptions = {}): Promise<Published> {
    try {
      const { seq, timeMs } = await this.keeper.connection.publish(this.name, body, options)
      return { seq, timeMs }
    } catch (cause) {
      throw isOutcomeUnknown(cause)
        ? new ClientError('OUTCOME_UNKNOWN', 'the connection ended before the message was acknowledged', { cause })
        : cause
    }
  }

  /** Ends the membership and the loop. */
  async leave(): Promise<void> {
    await this.keeper.connection.request('rooms.leave', { room: this.name })
    this.feed.end('left')
  }

  /** One reader: a second loop takes from the first. Leaving the loop ends it for good; `client.join` starts a new one. */
  [Symbol.asyncIterator](): AsyncIterator<RoomItem, undefined> {
    return this.feed
  }
}

const isOutcomeUnknown = (error: unknown): boolean =>
  (error instanceof ConnectionClosedError && error.code !== 'NOT_CONNECTED') || error instanceof ServerClosedError
