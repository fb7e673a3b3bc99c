/**
 * Opens the connections of a pool, where its list of servers leads and no faster than failures allow. One at a time: the
 * list knows one try.
 */
import type { Clock } from '../clock.js'
import type { GoAway } from '../protocol/packets.js'
import { ClientConnection } from './client-connection.js'
import { ConnectPace } from './connect-pace.js'
import type { ServerEvent } from './connection-options.js'
import { Delay } from './delay.js'
import type { NestwireError } from './errors.js'
import { openAnywhere, targetOf } from './open-anywhere.js'
import { toClientError } from './outgoing-fields.js'
import type { PoolOptions } from './pool-options.js'
import { ServerList, type Destination } from './server-list.js'

export interface Opened {
  readonly connection: ClientConnection
  readonly destination: Destination
  /** It came right behind the handshake. */
  readonly goAway: GoAway | undefined
}

interface OpenerOptions {
  readonly options: PoolOptions
  readonly clock: Clock
  /** 0 up to 1. */
  readonly random: () => number
  readonly onEvent: (event: ServerEvent) => void
}

export class PoolOpener {
  readonly servers: ServerList
  private readonly pace: ConnectPace
  private closing = new AbortController()

  constructor(private readonly given: OpenerOptions) {
    this.servers = new ServerList(given.options, given.random)
    this.pace = new ConnectPace(given.random)
  }

  /** What a server that takes nobody for a time has said. */
  get refusal(): NestwireError | undefined {
    return this.pace.refusedBy(this.given.clock.uptimeMs())
  }

  /** Waits for its turn after a failure. Rejects with a `NestwireError`. */
  async open(): Promise<Opened> {
    const { signal } = this.closing
    try {
      await this.pause(signal)
      const opened = await this.connect(signal)
      this.pace.succeeded()
      return opened
    } catch (thrown) {
      const error = toClientError(thrown)
      if (!signal.aborted) this.pace.failed(error, this.given.clock.uptimeMs())
      throw error
    }
  }

  /** The opening under way fails with CLOSED. */
  abort(): void {
    this.closing.abort()
    this.closing = new AbortController()
  }

  /** The next one goes elsewhere. False: there is no other server. */
  leave(destination: Destination, target: string): boolean {
    return this.servers.leave(target, destination)
  }

  /** The connection is over: the next one goes where its server sent it, or elsewhere. */
  lost(destination: Destination, error: NestwireError | undefined): void {
    this.servers.leave(targetOf(error), destination)
  }

  private async connect(signal: AbortSignal): Promise<Opened> {
    let destination: Destination | undefined
    let goAway: GoAway | undefined
    const handlers = { onEvent: this.given.onEvent, onGoAway: (told: GoAway) => (goAway = told) }
    const connection = await openAnywhere(this.servers, (next) => {
      destination = next
      return ClientConnection.open({ ...this.given.options, ...next, signal, handlers: { ...handlers } })
    })
    if (destination === undefined) throw new Error('a connection leads somewhere')
    return { connection, destination, goAway }
  }

  /** Cut short by `abort`. */
  private async pause(signal: AbortSignal): Promise<void> {
    const pauseMs = this.pace.pauseMs(this.given.clock.uptimeMs())
    if (pauseMs === 0) return
    const delay = new Delay(this.given.clock, pauseMs)
    const cut = (): void => delay.cancel()
    signal.addEventListener('abort', cut)
    await delay.done
    signal.removeEventListener('abort', cut)
  }
}
