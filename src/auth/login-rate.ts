/**
 * How many logins and resumes are taken a second. After a restart everybody comes at once: what is too much is told
 * when to come back, each at a time of its own, no more of them a second than may come in.
 */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { CloseCode } from '../protocol/close-codes.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { TokenBucket } from '../token-bucket.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'

/** Nobody is sent away for less: it would be back before the crowd is through. */
const LEAST_WAIT_MS = 1_000
const MAX_WAIT_MS = 30_000

@Injectable()
export class LoginRate {
  private readonly bucket: TokenBucket
  /** When the last one that was sent away should be back. */
  private lastSlotMs = 0

  constructor(
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {
    this.bucket = new TokenBucket(clock.uptimeMs())
  }

  /** Sends the connection away, with CLOSE and an exception, while no more may come in. Counts nothing. */
  check(connection: ConnectionHandle): void {
    const nowMs = this.clock.uptimeMs()
    const perSecond = this.settings.current.sessions.loginsPerSecond
    if (this.bucket.waitMs(1, perSecond, nowMs) === 0) return
    const retryAfterMs = this.nextSlot(nowMs, perSecond)
    const reason = 'too many log in at once'
    connection.close(CloseCode.TooManyLogins, reason, retryAfterMs)
    throw new NestwireException(ErrorCode.RateLimited, reason, { retryAfterMs })
  }

  /** The same, and counts the one that is let in. Only for those who may: a stranger must not use up the rate. */
  admit(connection: ConnectionHandle): void {
    this.check(connection)
    this.bucket.take(1)
  }

  private nextSlot(nowMs: number, perSecond: number): number {
    const earliestMs = nowMs + LEAST_WAIT_MS
    this.lastSlotMs = Math.min(Math.max(this.lastSlotMs + 1000 / perSecond, earliestMs), nowMs + MAX_WAIT_MS)
    // Within half of it, so that those who were sent away in one moment do not come back in step.
    return Math.round((this.lastSlotMs - nowMs) * (1 + Math.random() / 2))
  }
}
