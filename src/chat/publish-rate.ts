/**
 * How much one user may publish, in messages and bytes a second, over all its connections to this node: neither a second
 * device nor a new connection nor a refreshed token buys more. Of a user something is held until its allowance is whole
 * again, a second after its last message if that was no larger than a second may hold.
 */
import { Inject, Injectable } from '@nestjs/common'
import { AbuseCounters } from '../abuse/abuse-counters.js'
import { Ledger } from '../abuse/ledger.js'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { UserId } from '../protocol/ids.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { TokenBucket } from '../token-bucket.js'

interface Allowance {
  readonly messages: TokenBucket
  readonly bytes: TokenBucket
  wholeAtMs: number
}

@Injectable()
export class PublishRate {
  private readonly allowances: Ledger<UserId, Allowance>

  constructor(
    private readonly counters: AbuseCounters,
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {
    this.allowances = new Ledger({
      endsAtMs: ({ wholeAtMs }) => wholeAtMs,
      maxEntries: () => settings.current.abuse.maxTracked,
    })
  }

  /** Counts one message of `bytes`. Throws RATE_LIMITED, and counts nothing, if it comes too early. */
  spend(user: UserId, bytes: number): void {
    const { publishMessagesPerSecond, publishBytesPerSecond } = this.settings.current.delivery
    const nowMs = this.clock.uptimeMs()
    const known = this.allowances.get(user, nowMs)
    const allowance = known ?? { messages: new TokenBucket(nowMs), bytes: new TokenBucket(nowMs), wholeAtMs: nowMs }
    const { messages, bytes: ofBytes } = allowance
    const retryAfterMs = Math.max(
      messages.waitMs(1, publishMessagesPerSecond, nowMs),
      ofBytes.waitMs(bytes, publishBytesPerSecond, nowMs),
    )
    if (retryAfterMs > 0) {
      throw new NestwireException(ErrorCode.RateLimited, 'this user publishes too fast', { retryAfterMs })
    }
    messages.take(1)
    ofBytes.take(bytes)
    const missingMs = Math.max(messages.missingMs(publishMessagesPerSecond), ofBytes.missingMs(publishBytesPerSecond))
    allowance.wholeAtMs = nowMs + missingMs
    if (known === undefined && !this.allowances.set(user, allowance, nowMs)) this.counters.untracked += 1
  }
}
