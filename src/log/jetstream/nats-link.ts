/**
 * The one connection of a node to NATS. Reconnects for ever, and says whether it is there; what was on its way when it
 * broke is the business of whoever sent it. Subscriptions come back by themselves, before `onReturn` is told.
 */
import { Logger } from '@nestjs/common'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { StartUpError } from '../../config/start-up-error.js'
import { LogFault } from '../log-fault.js'
import { natsOptions, type ClusterSettings } from './nats-options.js'
import { isRefusal, refusalOf } from './nats-refusal.js'
import { RetryPace } from './retry-pace.js'

const RETRY_AFTER_MS = 1_000

/** What clients are told: the reason is for those who run the server, who find it in readiness and in the log. */
export const cannotBeReached = (): LogFault =>
  LogFault.unavailable('the log of the cluster cannot be reached', { retryAfterMs: RETRY_AFTER_MS })

export class NatsLink {
  /** Times that NATS was gone. */
  disconnects = 0
  private readonly logger = new Logger('NatsLink')
  private readonly returned = new Set<() => void>()
  private state: 'up' | 'away' | 'closed' = 'up'
  /** Why it does not let us in again, if it says so. */
  private refusal: string | undefined

  private constructor(
    readonly connection: NatsConnection,
    private readonly settings: ClusterSettings,
    private readonly pace: RetryPace,
  ) {
    void this.watch()
  }

  /** Rejects with `StartUpError` that says what to mend: none of the servers lets us in, or a file is not usable. */
  static async open(settings: ClusterSettings, nodeName: string): Promise<NatsLink> {
    const { url } = settings
    if (url === undefined) throw new StartUpError('NESTWIRE_CLUSTER_URL is not set')
    const options = natsOptions(settings, url, nodeName)
    const pace = new RetryPace()
    try {
      const connection = await connect({ ...options, reconnectDelayHandler: () => pace.nextWaitMs(Math.random()) })
      return new NatsLink(connection, settings, pace)
    } catch (error) {
      throw new StartUpError(`NATS at ${url.join(', ')} cannot be used: ${refusalOf(error, settings)}`, {
        cause: error,
      })
    }
  }

  fault(): string | undefined {
    switch (this.state) {
      case 'up':
        return undefined
      case 'away':
        return this.refusal === undefined
          ? 'no connection to NATS (NESTWIRE_CLUSTER_URL)'
          : `no connection to NATS: ${this.refusal}`
      case 'closed':
        return 'the connection to NATS is closed'
    }
  }

  /** Throws `LogFault` while NATS is away. */
  refuseWhenAway(): void {
    if (this.fault() !== undefined) throw cannotBeReached()
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
      if (status.type === 'disconnect') this.disconnected(status.server)
      else if (status.type === 'reconnect') this.reconnected(status.server)
      else if (status.type === 'error' && isRefusal(status.error)) this.refused(status.error)
    }
  }

  /** Told as well each time that a server hangs up before it let us in. */
  private disconnected(server: string): void {
    if (this.state === 'away') return this.pace.refused()
    this.state = 'away'
    this.disconnects += 1
    this.logger.warn(`NATS is away: ${server}`)
  }

  /** Told once for each `disconnected`, all at the end. */
  private reconnected(server: string): void {
    if (this.state === 'up') return
    this.state = 'up'
    this.refusal = undefined
    this.pace.admitted()
    this.logger.log(`NATS is back: ${server}`)
    for (const act of this.returned) act()
  }

  private refused(error: Error): void {
    if (this.refusal !== undefined) return
    this.refusal = refusalOf(error, this.settings)
    this.logger.warn(`NATS does not let this node in: ${this.refusal}`)
  }
}
