/**
 * How many signals pass. Nobody merges them into batches and no lane holds them, so both who sends and who hears is
 * bounded: a session, and what a room may cost on this node, wherever its signals come from.
 */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import { TokenBucket } from '../token-bucket.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { Room } from './room.js'

/** Offers to members that are connected here: some 10 µs each, so a fifth of a core. */
export const ROOM_SIGNAL_OFFERS_PER_SECOND = 20_000

export class SignalRate {
  /** Both go with what they are of, without anybody's doing. */
  private readonly sessions = new WeakMap<ConnectionHandle, TokenBucket>()
  private readonly rooms = new WeakMap<Room, TokenBucket>()

  constructor(
    private readonly settings: Settings,
    private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {}

  /**
   * Counts one signal to the room, and one of the session unless that is free. Milliseconds until it may pass; 0: it has been
   * counted, and otherwise nothing has.
   */
  spend(room: Room, session: ConnectionHandle | undefined): number {
    const nowMs = this.clock.uptimeMs()
    const { signalsPerSecond } = this.settings.current.rooms
    const offers = bucketOf(this.rooms, room, nowMs)
    const signals = session && bucketOf(this.sessions, session, nowMs)
    const waitMs = Math.max(
      offers.waitMs(room.onlineCount, ROOM_SIGNAL_OFFERS_PER_SECOND, nowMs),
      signals?.waitMs(1, signalsPerSecond, nowMs) ?? 0,
    )
    if (waitMs > 0) return waitMs
    offers.take(room.onlineCount)
    signals?.take(1)
    return 0
  }
}

function bucketOf<Owner extends object>(
  buckets: WeakMap<Owner, TokenBucket>,
  owner: Owner,
  nowMs: number,
): TokenBucket {
  let bucket = buckets.get(owner)
  if (bucket === undefined) {
    bucket = new TokenBucket(nowMs)
    buckets.set(owner, bucket)
  }
  return bucket
}
