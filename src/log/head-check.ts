/**
 * Rooms of which a commit failed with an open outcome: the record may be on disk all the same, and nobody was told. As
 * soon as the log knows, full or not, each is asked how far it goes, and its follower is told. Holds rooms of failed
 * commits, and those that somebody began to follow before their outcome was known.
 */
import type { Clock } from '../clock.js'
import type { RoomId } from '../protocol/ids.js'
import type { RoomFollower, RoomLogEngine } from './room-log.js'

interface HeadCheckParts {
  readonly log: Pick<RoomLogEngine, 'isInDoubt' | 'head'>
  readonly clock: Pick<Clock, 'every'>
  /** Who follows the room now: another one if it was deleted, for its name may stand for another room. */
  readonly followerOf: (room: RoomId) => RoomFollower | undefined
}

const LOOK_MS = 1_000

export class HeadCheck {
  private readonly doubtful = new Map<RoomId, RoomFollower>()
  private stopLooking: (() => void) | undefined

  constructor(private readonly parts: HeadCheckParts) {}

  /** Idempotent. */
  add(room: RoomId, follower: RoomFollower): void {
    this.doubtful.set(room, follower)
    this.stopLooking ??= this.parts.clock.every(LOOK_MS, () => this.look())
  }

  private look(): void {
    if (this.parts.log.isInDoubt()) return
    this.stopLooking?.()
    this.stopLooking = undefined
    const doubtful = [...this.doubtful]
    this.doubtful.clear()
    for (const [room, follower] of doubtful) if (this.isCurrent(room, follower)) void this.check(room, follower)
  }

  private async check(room: RoomId, follower: RoomFollower): Promise<void> {
    try {
      const { seq } = await this.parts.log.head(room)
      if (this.isCurrent(room, follower)) follower.reaches(seq)
    } catch {
      this.add(room, follower)
    }
  }

  private isCurrent(room: RoomId, follower: RoomFollower): boolean {
    return this.parts.followerOf(room) === follower
  }
}
