import type { Seq } from '../protocol/ids.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { RoomFeed } from './room-feed.js'

/** `live`: gets the room's batches. Else it is behind: waits for room or for the log to be read again, or is being read for. */
type MemberStanding = 'live' | 'waiting' | 'unread' | 'queued' | 'reading'

/** One connection that hears one room: a position, not a queue. */
export class RoomMember {
  /** Owned by `CatchUp`. */
  standing: MemberStanding = 'live'
  /** Where the feed keeps it; owned by the feed. */
  index = -1

  constructor(
    readonly connection: ConnectionHandle,
    readonly feed: RoomFeed,
    /** The last record it was offered. */
    public position: Seq,
  ) {}

  /** True while it reads on from the log. */
  get isLagging(): boolean {
    return this.standing !== 'live'
  }

  /** False once it hears the room no more; work that was under way for it ends. */
  get isAttached(): boolean {
    return this.feed.memberOf(this.connection) === this
  }
}
