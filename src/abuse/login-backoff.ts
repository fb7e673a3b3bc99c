/** Refuses addresses from which tokens and tickets come that nobody here has issued; see `BackoffBook`. */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { CloseCode } from '../protocol/close-codes.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { AbuseCounters } from './abuse-counters.js'
import { addressKeyOf } from './address-key.js'
import { BackoffBook, type Backoff } from './backoff-book.js'
import { TrustedAddresses } from './trusted-addresses.js'

export const BACKED_OFF = 'too many logins from this address have failed'

@Injectable()
export class LoginBackoff {
  private readonly book: BackoffBook

  constructor(
    private readonly trusted: TrustedAddresses,
    private readonly counters: AbuseCounters,
    settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {
    this.book = new BackoffBook(() => settings.current.abuse)
  }

  /** Somebody at this address has shown what nobody here has issued. */
  failed({ remoteAddress }: ConnectionHandle): void {
    this.counters.authFailures += 1
    if (this.trusted.has(remoteAddress)) return
    const verdict = this.book.failed(addressKeyOf(remoteAddress), this.clock.uptimeMs())
    if (verdict === 'begun') this.counters.backoffsBegun += 1
    else if (verdict === 'untracked') this.counters.untracked += 1
  }

  /**
   * Before a token or ticket is looked at: throws RATE_LIMITED while the address is refused, and closes the connection,
   * unless somebody is logged in on it.
   */
  check(connection: ConnectionHandle): void {
    const retryAfterMs = this.remainingMs(connection.remoteAddress)
    if (retryAfterMs === 0) return
    this.counters.refused.backedOff += 1
    if (connection.grant === undefined) connection.close(CloseCode.BackedOff, BACKED_OFF, retryAfterMs)
    throw new NestwireException(ErrorCode.RateLimited, BACKED_OFF, { retryAfterMs })
  }

  /** 0: the address is welcome. One that became trusted meanwhile is. */
  remainingMs(remoteAddress: string): number {
    const remainingMs = this.book.remainingMs(addressKeyOf(remoteAddress), this.clock.uptimeMs())
    return remainingMs > 0 && this.trusted.has(remoteAddress) ? 0 : remainingMs
  }

  /** The `limit` of them that last longest; addresses as `addressKeyOf` has them. */
  longest(limit: number): readonly Backoff[] {
    return this.book.longest(limit, this.clock.uptimeMs())
  }

  /** Any address of the network will do. False if it is not refused. */
  lift(address: string): boolean {
    const isLifted = this.book.lift(addressKeyOf(address), this.clock.uptimeMs())
    if (isLifted) this.counters.backoffsLifted += 1
    return isLifted
  }
}
