/**
 * Keeps one connection up: connects, and when it is lost connects again with full-jitter backoff until it is closed or
 * the server says never, resuming the session with the latest ticket. Which rooms and calls live on it is not its business.
 */
import type { Clock } from '../clock.js'
import type { GoAway, RoomPosition } from '../protocol/packets.js'
import { Backoff } from './backoff.js'
import { ClientConnection } from './client-connection.js'
import type { ConnectionHandlers, ConnectionOptions } from './connection-options.js'
import { Delay } from './delay.js'
import { ConnectionClosedError, NestwireError, ServerClosedError } from './errors.js'
import { ServerAddress } from './server-address.js'
import { TokenRenewal } from './token-renewal.js'

export type ConnectionStatus = 'connecting' | 'connected' | 'reconnecting' | 'closed'

interface KeeperOptions extends Omit<ConnectionOptions, 'handlers' | 'resume' | 'signal'> {
  readonly clock: Clock
  /** 0 up to 1, for the jitter. */
  readonly random: () => number
}

interface KeeperListener {
  readonly handlers: Omit<ConnectionHandlers, 'onClosed' | 'onGoAway'>
  /** Where each room stands, for the server to go on from. */
  positions(): readonly RoomPosition[]
  onConnected(connection: ClientConnection): void
  /** The server takes nothing new on this connection; what comes still counts, until `onLost`. */
  onGoAway(): void
  onLost(): void
  /** No further try; `undefined` if this side closed. */
  onClosed(error: NestwireError | undefined): void
  onStatus(status: ConnectionStatus): void
}

interface Waiter {
  resolve(connection: ClientConnection): void
  reject(error: NestwireError): void
}

export class ConnectionKeeper {
  private current: ClientConnection | undefined
  private currentStatus: ConnectionStatus = 'connecting'
  private isGoingAway = false
  private waiters: Waiter[] = []
  private ticket: Buffer | undefined
  private readonly address: ServerAddress
  private delay: Delay | undefined
  private readonly backoff: Backoff
  private connectedAtMs = 0
  /** GOAWAY's time slot. */
  private notBeforeMs = 0
  private readonly renewal: TokenRenewal
  /** Ends an opening in progress. */
  private readonly closing = new AbortController()
  private closedBy: NestwireError | undefined

  constructor(
    private readonly options: KeeperOptions,
    private readonly listener: KeeperListener,
  ) {
    this.address = new ServerAddress(options)
    this.backoff = new Backoff(options.random)
    this.renewal = new TokenRenewal(options.clock, options.token)
  }

  get status(): ConnectionStatus {
    return this.currentStatus
  }

  /** Throws NOT_CONNECTED while there is none. */
  get connection(): ClientConnection {
    if (this.current === undefined) throw new ConnectionClosedError('NOT_CONNECTED', 'there is no connection')
    return this.current
  }

  /** The connection, or the next one that takes requests; rejects if there will be none. */
  ready(): Promise<ClientConnection> {
    if (this.closedBy !== undefined) return Promise.reject(this.closedBy)
    if (this.current !== undefined && !this.isGoingAway) return Promise.resolve(this.current)
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }))
  }

  /** It takes nothing new: `ready` waits for the next. */
  avoid(connection: ClientConnection): void {
    if (connection === this.current) this.isGoingAway = true
  }

  /** The first connection is tried once: who starts wants to know at once. */
  async start(): Promise<void> {
    try {
      this.adopt(await this.open())
    } catch (error) {
      this.setStatus('closed')
      throw error
    }
  }

  async close(): Promise<void> {
    if (this.currentStatus === 'closed') return
    const connection = this.current
    this.stop(undefined)
    this.closing.abort()
    await connection?.close()
  }

  /** Goes where servers send it. */
  private async open(): Promise<ClientConnection> {
    const { options, ticket, address, listener } = this
    const onGoAway = (goAway: GoAway): void => this.onGoAway(goAway)
    for (;;) {
      try {
        return await ClientConnection.open({
          ...options,
          ...address.current,
          redirects: address.redirects,
          resume: ticket && { ticket, positions: listener.positions() },
          handlers: { ...listener.handlers, onGoAway },
          signal: this.closing.signal,
        })
      } catch (error) {
        if (!this.follow(error)) {
          address.failed()
          throw error
        }
      }
    }
  }

  private follow(error: unknown): boolean {
    return error instanceof ServerClosedError && error.retryClass === 'elsewhere' && this.address.follow(error.target)
  }

  private adopt(connection: ClientConnection): void {
    this.ticket = connection.ticket
    if (connection.closedBy !== undefined) throw connection.closedBy
    connection.handlers.onClosed = (error) => this.onClosed(connection, error)
    this.current = connection
    this.address.arrived()
    this.connectedAtMs = this.options.clock.uptimeMs()
    this.renewal.watch(connection)
    this.setStatus('connected')
    this.listener.onConnected(connection)
    // It may have come right behind the handshake.
    if (this.isGoingAway) return this.listener.onGoAway()
    for (const waiter of this.waiters.splice(0)) waiter.resolve(connection)
  }

  private onGoAway({ slotMs, target }: GoAway): void {
    this.notBeforeMs = this.options.clock.uptimeMs() + slotMs
    this.address.follow(target)
    this.isGoingAway = true
    if (this.current !== undefined) this.listener.onGoAway()
  }

  private onClosed(connection: ClientConnection, error: NestwireError | undefined): void {
    if (this.current !== connection) return
    this.current = undefined
    this.ticket = connection.ticket
    this.follow(error)
    this.renewal.stop()
    this.backoff.ended(this.options.clock.uptimeMs() - this.connectedAtMs)
    this.listener.onLost()
    if (error !== undefined) void this.reconnect(error)
  }

  private async reconnect(cause: NestwireError): Promise<void> {
    let error = cause
    while (this.currentStatus !== 'closed') {
      const verdict = this.backoff.next(error)
      if (verdict.kind === 'stop') return this.stop(error)
      this.setStatus('reconnecting')
      await this.wait(verdict.delayMs)
      if (this.status === 'closed') return
      try {
        return await this.reopen()
      } catch (failure) {
        if (!(failure instanceof NestwireError)) throw failure
        error = failure
      }
    }
  }

  private async reopen(): Promise<void> {
    this.isGoingAway = false
    const connection = await this.open()
    // Closed meanwhile: nobody waits for it.
    if (this.currentStatus === 'closed') await connection.close()
    else this.adopt(connection)
  }

  private async wait(delayMs: number): Promise<void> {
    const untilSlotMs = this.notBeforeMs - this.options.clock.uptimeMs()
    this.delay = new Delay(this.options.clock, Math.max(delayMs, untilSlotMs))
    await this.delay.done
  }

  private stop(error: NestwireError | undefined): void {
    this.current = undefined
    this.closedBy = error ?? new ConnectionClosedError('CLOSED', 'the client was closed')
    this.renewal.stop()
    this.delay?.cancel()
    this.setStatus('closed')
    this.listener.onClosed(error)
    for (const waiter of this.waiters.splice(0)) waiter.reject(this.closedBy)
  }

  private setStatus(status: ConnectionStatus): void {
    if (this.currentStatus === status) return
    this.currentStatus = status
    this.listener.onStatus(status)
  }
}
