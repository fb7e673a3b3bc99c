/**
 * The one connection of a node to NATS. Reconnects for ever, and says whether it is there; what was on its way when it
 * broke is the business of whoever sent it. Subscriptions come back by themselves, before `onReturn` is told.
 */
import { readFile } from 'node:fs/promises'
import { Logger } from '@nestjs/common'
import { connect, credsAuthenticator, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import type { SettingsValue } from '../../config/settings-schema.js'
import { StartUpError } from '../../config/start-up-error.js'
import { LogFault, reasonOf } from '../log-fault.js'

const CONNECT_TIMEOUT_MS = 5_000
/** A server that is frozen or cut off is given up after three of these. */
const PING_INTERVAL_MS = 2_000
const MAX_PINGS_OUT = 2
const RECONNECT_WAIT_MS = 250
const RETRY_AFTER_MS = 1_000

type ClusterSettings = SettingsValue['cluster']

export class NatsLink {
  private readonly logger = new Logger('NatsLink')
  private readonly returned = new Set<() => void>()
  private state: 'up' | 'away' | 'closed' = 'up'

  private constructor(readonly connection: NatsConnection) {
    void this.watch()
  }

  /** Rejects with `StartUpError` if none of the servers lets us in. */
  static async open(settings: ClusterSettings, nodeName: string): Promise<NatsLink> {
    if (settings.url === undefined) throw new StartUpError('NESTWIRE_CLUSTER_URL is not set')
    try {
      return new NatsLink(await connect(await optionsOf(settings, settings.url, nodeName)))
    } catch (error) {
      throw new StartUpError(`NATS at ${settings.url.join(', ')} cannot be used: ${reasonOf(error)}`, { cause: error })
    }
  }

  fault(): string | undefined {
    switch (this.state) {
      case 'up':
        return undefined
      case 'away':
        return 'no connection to NATS (NESTWIRE_CLUSTER_URL)'
      case 'closed':
        return 'the connection to NATS is closed'
    }
  }

  /** Throws `LogFault` while NATS is away. */
  refuseWhenAway(): void {
    const fault = this.fault()
    if (fault !== undefined) throw LogFault.unavailable(fault, { retryAfterMs: RETRY_AFTER_MS })
  }

  /** Calls `act` each time the connection is there again, until the returned function is called. */
  onReturn(act: () => void): () => void {
    const listener = (): void => act()
    this.returned.add(listener)
    return () => void this.returned.delete(listener)
  }

  async close(): Promise<void> {
    this.state = 'closed'
    this.returned.clear()
    await this.connection.close()
  }

  private async watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (this.state === 'closed') return
      if (status.type === 'disconnect' && this.state === 'up') {
        this.state = 'away'
        this.logger.warn(`NATS is away: ${status.server}`)
      } else if (status.type === 'reconnect') {
        this.state = 'up'
        this.logger.log(`NATS is back: ${status.server}`)
        for (const act of this.returned) act()
      }
    }
  }
}

async function optionsOf(
  { user, password, token, credsFile, tlsCaFile, tlsCertFile, tlsKeyFile }: ClusterSettings,
  servers: readonly string[],
  name: string,
): Promise<ConnectionOptions> {
  const needsTls = tlsCaFile !== undefined || tlsCertFile !== undefined || servers.some((url) => url.startsWith('tls:'))
  return {
    servers: [...servers],
    name,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    // A wrong password after a change there is an outage, not the end.
    ignoreAuthErrorAbort: true,
    ...(user === undefined || password === undefined ? {} : { user, pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(credsFile === undefined ? {} : { authenticator: credsAuthenticator(await readFile(credsFile)) }),
    ...(needsTls
      ? {
          tls: {
            ...(tlsCaFile === undefined ? {} : { caFile: tlsCaFile }),
            ...(tlsCertFile === undefined ? {} : { certFile: tlsCertFile }),
            ...(tlsKeyFile === undefined ? {} : { keyFile: tlsKeyFile }),
          },
        }
      : {}),
  }
}
