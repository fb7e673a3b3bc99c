/** How many rooms a connection hears, and how often rooms are made: by one user, and by all. Services and admins make any. */
import { Inject, Injectable } from '@nestjs/common'
import { AbuseCounters } from '../abuse/abuse-counters.js'
import { KeyedRate } from '../abuse/keyed-rate.js'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, UserId } from '../protocol/ids.js'
import type { Session } from '../sessions/session.js'
import type { Principal } from '../transport/authentication.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { actsForSystem } from './room-policy.js'

@Injectable()
export class RoomLimits {
  private readonly byUser: KeyedRate<UserId>
  private readonly inTotal = new KeyedRate<'all'>(() => 1)

  constructor(
    private readonly counters: AbuseCounters,
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {
    this.byUser = new KeyedRate(() => settings.current.abuse.maxTracked)
  }

  /** Throws TOO_MANY_ROOMS. */
  checkHeard({ rooms }: Session, id: RoomId): void {
    if (rooms.has(id) || rooms.size < this.settings.current.transport.maxRoomsPerConnection) return
    this.counters.refused.roomsPerConnection += 1
    throw new NestwireException(ErrorCode.TooManyRooms, 'this connection hears as many rooms as it may')
  }

  /** Counts a room that the caller is about to make. Throws RATE_LIMITED. */
  admitFounding(caller: Principal): void {
    if (actsForSystem(caller)) return
    const { roomsPerUserPerMinute, roomsPerMinute } = this.settings.current.abuse
    const { refused } = this.counters
    const nowMs = this.clock.uptimeMs()
    // The user first: who makes too many must not use up what is for all.
    const own = this.byUser.spend(caller.user, roomsPerUserPerMinute, nowMs)
    if (own.kind === 'early') {
      refused.roomsPerUser += 1
      throw tooSoon('this user makes rooms too fast', own.waitMs)
    }
    if (own.kind === 'untracked') this.counters.untracked += 1
    const all = this.inTotal.spend('all', roomsPerMinute, nowMs)
    if (all.kind === 'early') {
      refused.roomsInTotal += 1
      throw tooSoon('too many rooms are made at once', all.waitMs)
    }
  }
}

const tooSoon = (reason: string, retryAfterMs: number): NestwireException =>
  new NestwireException(ErrorCode.RateLimited, reason, { retryAfterMs })
