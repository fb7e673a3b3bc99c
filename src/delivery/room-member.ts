import type { Seq } from '../protocol/ids.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { RoomFeed } from './room-feed.js'

/** One connection that hears one room: a position, not a queue. */
export class RoomMember {
  /** True while it reads on from the log; owned by `CatchUp`. */
  isLagging = false
  /** Where the feed keeps it; owned by the feed. */
  index = -1

  constructor(
    readonly connection: ConnectionHandle,
    readonly feed: RoomFeed,
    /** The last record it was offered. */
    public position: Seq,
  ) {}

  /** False once it hears the room no more; work that was under way for it ends. */
  get isAttached(): boolean {
    return this.feed.memberOf(this.connection) === this
  }
}
