/** All followed rooms of this node: one clock, and one bound on how many ask for their room's end at once. */
import type { Clock } from '../../clock.js'
import type { RoomId } from '../../protocol/ids.js'
import type { RoomFollower } from '../room-log.js'
import type { LogStream } from './log-stream.js'
import { RoomFollowing } from './room-following.js'
import type { RoomPlace } from './room-places.js'
import type { StoredRecord } from './stored-record.js'

const TICK_MS = 1_000

interface FollowingsParts {
  readonly stream: LogStream
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
  readonly placeOf: (room: RoomId) => RoomPlace
  /** A record that was seen live. */
  readonly seen: (place: RoomPlace, stored: StoredRecord) => void
}

export class Followings {
  private readonly byRoom = new Map<RoomId, Set<RoomFollowing>>()
  private readonly stops: readonly (() => void)[]

  constructor(private readonly parts: FollowingsParts) {
    const { stream, clock } = parts
    this.stops = [
      clock.every(TICK_MS, () => {
        const nowMs = clock.uptimeMs()
        for (const following of this.all()) following.tick(nowMs)
      }),
      stream.link.onReturn(() => {
        for (const following of this.all()) following.checkSoon()
      }),
    ]
  }

  async follow(place: RoomPlace, follower: RoomFollower): Promise<() => void> {
    const { stream, clock, seen } = this.parts
    const following = new RoomFollowing(place, { stream, follower, seen, uptimeMs: () => clock.uptimeMs() })
    const { room } = place
    const ofRoom = this.byRoom.get(room) ?? new Set()
    this.byRoom.set(room, ofRoom.add(following))
    const end = (): void => {
      ofRoom.delete(following)
      if (ofRoom.size === 0 && this.byRoom.get(room) === ofRoom) this.byRoom.delete(room)
      following.end()
    }
    try {
      await following.start()
      return end
    } catch (error) {
      end()
      throw error
    }
  }

  /** A room may have another incarnation. */
  renew(room: RoomId): void {
    const ofRoom = this.byRoom.get(room)
    if (ofRoom === undefined) return
    const place = this.parts.placeOf(room)
    for (const following of ofRoom) following.renew(place)
  }

  close(): void {
    for (const stop of this.stops) stop()
    for (const following of this.all()) following.end()
    this.byRoom.clear()
  }

  private *all(): Iterable<RoomFollowing> {
    for (const ofRoom of this.byRoom.values()) yield* ofRoom
  }
}
