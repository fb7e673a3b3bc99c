/**
 * How much one session may publish, in messages and bytes a second. A session is as old as its connection, which is what
 * it is known by here: a refreshed token buys nothing. Nothing is held for those who never publish.
 */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { TokenBucket } from '../token-bucket.js'

interface Allowance {
  readonly messages: TokenBucket
  readonly bytes: TokenBucket
}

@Injectable()
export class PublishRate {
  /** Goes with the connection, without anybody's doing. */
  private readonly allowances = new WeakMap<ConnectionHandle, Allowance>()

  constructor(
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {}

  /** Counts one message of `bytes`. Throws RATE_LIMITED, and counts nothing, if it comes too early. */
  spend(connection: ConnectionHandle, bytes: number): void {
    const { publishMessagesPerSecond, publishBytesPerSecond } = this.settings.current.delivery
    const nowMs = this.clock.uptimeMs()
    const allowance = this.allowances.get(connection) ?? this.allow(connection, nowMs)
    const retryAfterMs = Math.max(
      allowance.messages.waitMs(1, publishMessagesPerSecond, nowMs),
      allowance.bytes.waitMs(bytes, publishBytesPerSecond, nowMs),
    )
    if (retryAfterMs > 0) {
      throw new NestwireException(ErrorCode.RateLimited, 'this session publishes too fast', { retryAfterMs })
    }
    allowance.messages.take(1)
    allowance.bytes.take(bytes)
  }

  private allow(connection: ConnectionHandle, nowMs: number): Allowance {
    const allowance = { messages: new TokenBucket(nowMs), bytes: new TokenBucket(nowMs) }
    this.allowances.set(connection, allowance)
    return allowance
  }
}
