/**
 * An engine that this process alone appends to, as those see it who follow rooms: a record is told to the room's follower
 * when it is committed, before whoever appended it hears of that. Holds one follower a room, and never calls `restarted`:
 * who deletes a room ends what follows it.
 *
 * A commit that failed with an open outcome may be in the log all the same. `HeadCheck` asks as soon as the log works again;
 * a record that is appended before that tells the same, since its `prev` is beyond what was told.
 */
import type { Clock } from '../clock.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId } from '../protocol/ids.js'
import { HeadCheck } from './head-check.js'
import { LogFault } from './log-fault.js'
import {
  isRepeat,
  type NewRecord,
  type Placed,
  type RoomFollower,
  type RoomJournal,
  type RoomLogEngine,
  type Urgency,
} from './room-log.js'

export class SoleWriter implements RoomJournal {
  readonly isShared = false
  private readonly followers = new Map<RoomId, RoomFollower>()
  private readonly headCheck: HeadCheck

  constructor(
    private readonly log: RoomLogEngine,
    clock: Pick<Clock, 'every'>,
  ) {
    this.headCheck = new HeadCheck({ log, clock, followerOf: (room) => this.followers.get(room) })
  }

  append(room: RoomId, record: NewRecord, urgency: Urgency): Promise<Placed> {
    // Whoever follows the room when it is committed may follow a later room of that name.
    const follower = this.followers.get(room)
    return this.log.append(room, record).then(
      (appended) => {
        if (isRepeat(appended)) return appended
        if (follower !== undefined && this.followers.get(room) === follower) follower.committed(appended, urgency)
        return { isRepeat: false, seq: appended.seq, timeMs: appended.timeMs }
      },
      (error: unknown) => {
        if (follower !== undefined && mayBeLogged(error)) this.headCheck.add(room, follower)
        throw error
      },
    )
  }

  async follow(room: RoomId, follower: RoomFollower): Promise<() => void> {
    this.followers.set(room, follower)
    // An earlier follower of the room may have let go in the middle of the doubt, and `head` may not know all now.
    if (this.log.isInDoubt()) this.headCheck.add(room, follower)
    return () => {
      if (this.followers.get(room) === follower) this.followers.delete(room)
    }
  }
}

const mayBeLogged = (error: unknown): boolean =>
  error instanceof LogFault && error.failure.errorCode === ErrorCode.CommitFailed
