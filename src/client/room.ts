/** A room that this client is in: publish to it, and read it with one `for await` loop. */
import type { PublishOptions } from './connection-options.js'
import type { ConnectionKeeper } from './connection-keeper.js'
import type { Published } from './pending-send.js'
import type { EndReason, RoomFeed } from './room-feed.js'
import type { RoomItem } from './room-items.js'
import type { RoomSignals, SignalListener } from './room-signals.js'
import type { SendLine } from './send-line.js'

interface RoomParts {
  readonly keeper: ConnectionKeeper
  readonly feed: RoomFeed
  readonly sends: SendLine
  readonly signals: RoomSignals
}

export class Room implements AsyncIterable<RoomItem> {
  readonly name: string

  constructor(private readonly parts: RoomParts) {
    this.name = parts.feed.room
  }

  /** Why the loop ended; `undefined` while it may go on. */
  get endReason(): EndReason | undefined {
    return this.parts.feed.endReason
  }

  /**
   * Resolves when the message is in the log, where it is once, however often the connection was lost on the way: without
   * one it waits, and it is sent again until the server has answered. Messages to a room are sent in the order of the calls.
   * Rejects with
   * - OUTCOME_UNKNOWN: it was sent, no answer came, and it cannot be sent again: the server would not know it as the same
   *   (`session.dedupWindowMs` is over), refuses the repeat (`cause` says why), or the client is closed;
   * - DEADLINE_EXCEEDED: `deadlineMs` passed; if it was sent, it may be in the log;
   * - the server's refusal of the first try (`ServerError`): its `outcome` says whether the message may be in the log;
   * - NOT_CONNECTED, SEND_BUFFER_FULL, OUTBOX_FULL, FRAME_TOO_LARGE, BAD_FIELD: it was never sent.
   */
  publish(body: string | Uint8Array, options: PublishOptions = {}): Promise<Published> {
    return this.parts.sends.publish(this.parts.feed.room, body, options)
  }

  /**
   * Tells the other connections in the room something in passing, such as who is typing: never stored, at most once, in no
   * order with messages. `data` is up to 1,024 bytes of MessagePack. Resolves when the server has passed it on; rejects with
   * NOT_CONNECTED while there is no connection, and as any request does.
   */
  async signal(name: string, data?: unknown): Promise<void> {
    await this.parts.keeper.connection.request('rooms.signal', { room: this.name, name, data })
  }

  /** What others signal, until the returned function is called. */
  onSignal(listener: SignalListener): () => void {
    return this.parts.signals.listen(listener)
  }

  /** Ends the membership and the loop. */
  async leave(): Promise<void> {
    await this.parts.keeper.connection.request('rooms.leave', { room: this.name })
    this.parts.feed.end('left')
  }

  /** One reader: a second loop takes from the first. Leaving the loop ends it for good; `client.join` starts a new one. */
  [Symbol.asyncIterator](): AsyncIterator<RoomItem, undefined> {
    return this.parts.feed
  }
}
