/** How many connections one user may have on this node, and how often it may log in or resume. */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { CloseCode } from '../protocol/close-codes.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { UserId } from '../protocol/ids.js'
import type { Principal, Role } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { AbuseCounters } from './abuse-counters.js'
import { RETRY_WHEN_TOO_MANY_MS } from './address-gate.js'
import { KeyedRate } from './keyed-rate.js'

@Injectable()
export class UserLimits {
  private readonly logins: KeyedRate<UserId>

  constructor(
    private readonly counters: AbuseCounters,
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'uptimeMs'>,
  ) {
    this.logins = new KeyedRate(() => settings.current.abuse.maxTracked)
  }

  /**
   * Counts the login of a user that has `connected` connections beside this one. Closes this one and throws if it is too
   * many, or too soon. Services and admins are free.
   */
  admit(connection: ConnectionHandle, { user, role }: Principal, connected: number): void {
    if (role !== 'user') return
    this.checkConnected(connection, role, connected)
    const { loginsPerUserPerMinute } = this.settings.current.abuse
    const verdict = this.logins.spend(user, loginsPerUserPerMinute, this.clock.uptimeMs())
    if (verdict.kind === 'early') {
      this.counters.refused.loginsPerUser += 1
      const reason = 'this user logs in too often'
      throw sentAway(connection, { code: CloseCode.TooManyLogins, reason, retryAfterMs: verdict.waitMs })
    }
    if (verdict.kind === 'untracked') this.counters.untracked += 1
  }

  /** That half of it which counts no login. */
  checkConnected(connection: ConnectionHandle, role: Role, connected: number): void {
    if (role !== 'user' || connected < this.settings.current.abuse.maxConnectionsPerUser) return
    this.counters.refused.connectionsPerUser += 1
    const reason = 'this user has as many connections as it may'
    throw sentAway(connection, { code: CloseCode.TooManyConnections, reason, retryAfterMs: RETRY_WHEN_TOO_MANY_MS })
  }
}

interface Farewell {
  readonly code: CloseCode
  readonly reason: string
  readonly retryAfterMs: number
}

function sentAway(connection: ConnectionHandle, { code, reason, retryAfterMs }: Farewell): NestwireException {
  connection.close(code, reason, retryAfterMs)
  return new NestwireException(ErrorCode.RateLimited, reason, { retryAfterMs })
}
