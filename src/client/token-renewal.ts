/**
 * Refreshes a session before its token expires, where the token comes from a function. A refresh that fails is left
 * alone: the server closes with TOKEN_EXPIRED, and the next connection asks for a token anew.
 */
import type { Clock } from '../clock.js'
import { Alarm } from './alarm.js'
import type { ClientConnection } from './client-connection.js'
import { readToken, type ConnectionOptions } from './connection-options.js'

/** Before the expiry by a minute, or by a tenth of the time left where that is shorter. */
const LEAD_MS = 60_000
const LEAD_SHARE = 0.1
/** Where clocks disagree, a token that looks expired must not be renewed in a loop. */
const MIN_WAIT_MS = 5000

export class TokenRenewal {
  private readonly alarm: Alarm
  private connection: ClientConnection | undefined

  constructor(
    private readonly clock: Clock,
    private readonly token: ConnectionOptions['token'],
  ) {
    this.alarm = new Alarm(clock, () => void this.renew())
  }

  watch(connection: ClientConnection): void {
    this.stop()
    this.connection = connection
    const expiresAtMs = connection.session?.expiresAtMs ?? 0
    if (typeof this.token !== 'function' || expiresAtMs === 0) return
    const leftMs = expiresAtMs - this.clock.now()
    const waitMs = Math.max(MIN_WAIT_MS, leftMs - Math.min(LEAD_MS, leftMs * LEAD_SHARE))
    this.alarm.setBy(this.clock.uptimeMs() + waitMs)
  }

  stop(): void {
    this.alarm.clear()
    this.connection = undefined
  }

  private async renew(): Promise<void> {
    const { connection } = this
    if (connection === undefined) return
    try {
      await connection.refresh((await readToken(this.token)) ?? '')
    } catch {
      return
    }
    if (this.connection === connection) this.watch(connection)
  }
}
