/**
 * Keeps one connection up: connects, and when it is lost connects again with full-jitter backoff until it is closed or
 * the server says never, resuming the session with the latest ticket. Which rooms and calls live on it is not its business.
 */
import type { Clock } from '../clock.js'
import type { GoAway, RoomPosition } from '../protocol/packets.js'
import { Backoff } from './backoff.js'
import { ClientConnection } from './client-connection.js'
import { ConnectionLine, type Waiter } from './connection-line.js'
import type { ConnectionHandlers, ConnectionOptions } from './connection-options.js'
import { Delay } from './delay.js'
import { ConnectionClosedError, NestwireError } from './errors.js'
import { MemberDiscovery } from './member-discovery.js'
import { openAnywhere, targetOf } from './open-anywhere.js'
import { toClientError } from './outgoing-fields.js'
import { ServerList, type Destination, type ServerChoice } from './server-list.js'
import { TokenRenewal } from './token-renewal.js'
import { abortedError } from './unless-aborted.js'

export type ConnectionStatus = 'connecting' | 'connected' | 'reconnecting' | 'closed'

interface KeeperOptions extends Omit<ConnectionOptions, 'handlers' | 'resume' | 'signal'>, ServerChoice {
  readonly clock: Clock
  /** 0 up to 1, for the jitter. */
  readonly random: () => number
  readonly maxWaitingCalls: number
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

interface ConnectionWaiter extends Waiter {
  ready(connection: ClientConnection): void
}

interface ReadyOptions {
  readonly deadlineMs?: number
  /** Aborting it ends the wait, with CLOSED. */
  readonly signal?: AbortSignal
}

export class ConnectionKeeper {
  private current: ClientConnection | undefined
  private currentStatus: ConnectionStatus = 'connecting'
  private isGoingAway = false
  private readonly line: ConnectionLine<ConnectionWaiter>
  private ticket: Buffer | undefined
  private readonly servers: ServerList
  private readonly discovery: MemberDiscovery
  private delay: Delay | undefined
  private readonly backoff: Backoff
  private connectedAtMs = 0
  /** GOAWAY's time slot. */
  private notBeforeMs = 0
  private readonly renewal: TokenRenewal
  /** Ends an opening in progress. */
  private readonly closing = new AbortController()
  private closedBy: NestwireError | undefined
  private failure: NestwireError | undefined

  constructor(
    private readonly options: KeeperOptions,
    private readonly listener: KeeperListener,
  ) {
    this.servers = new ServerList(options, options.random)
    this.discovery = new MemberDiscovery({ ...options, servers: this.servers })
    this.backoff = new Backoff(options.random)
    this.line = new ConnectionLine({ ...options, acquireTimeoutMs: Infinity, lastFailure: () => this.failure })
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

  /** Why there is no connection; `undefined` while there is one. */
  get lastFailure(): NestwireError | undefined {
    return this.failure
  }
  /** Its server takes nothing new: requests wait for the next one. */
  get isDraining(): boolean {
    return this.current !== undefined && this.isGoingAway
  }

  /**
   * The connection, or the next one that takes requests. Rejects if there will be none, with POOL_EXHAUSTED if too many wait
   * already, and with DEADLINE_EXCEEDED if there is none in time; the cause is then the last failure.
   */
  ready({ deadlineMs = Infinity, signal }: ReadyOptions = {}): Promise<ClientConnection> {
    if (this.closedBy !== undefined) return Promise.reject(this.closedBy)
    if (this.current !== undefined && !this.isGoingAway) return Promise.resolve(this.current)
    if (signal?.aborted === true) return Promise.reject(abortedError())
    return new Promise((ready, fail) => {
      const dueAtMs = this.options.clock.uptimeMs() + deadlineMs
      const giveUp = this.line.add({ dueAtMs, ready, fail })
      signal?.addEventListener('abort', () => {
        giveUp()
        fail(this.closedBy ?? abortedError())
      })
    })
  }

  /** It takes nothing new: `ready` waits for the next. */
  avoid(connection: ClientConnection): void {
    if (connection === this.current) this.isGoingAway = true
  }

  /** Each server is tried once, without a wait: who starts wants to know at once. */
  async start(): Promise<void> {
    try {
      await this.reopen()
    } catch (error) {
      this.setStatus('closed')
      throw error
    }
  }

  /** The same, and from the first failure on as after a lost connection; `ready` waits for it. */
  startPatiently(): void {
    void this.reopen().catch((error: unknown) => this.reconnect(toClientError(error)))
  }

  async close(): Promise<void> {
    if (this.currentStatus === 'closed') return
    const connection = this.current
    this.stop(undefined)
    this.closing.abort()
    await connection?.close()
  }

  private async open(destination: Destination): Promise<ClientConnection> {
    const { options, ticket, listener } = this
    this.isGoingAway = false
    const connection = await ClientConnection.open({
      ...options,
      ...destination,
      resume: ticket && { ticket, positions: listener.positions() },
      handlers: { ...listener.handlers, onGoAway: (goAway) => this.onGoAway(goAway) },
      signal: this.closing.signal,
    })
    this.ticket = connection.ticket
    return connection
  }

  private adopt(connection: ClientConnection): void {
    connection.handlers.onClosed = (error) => this.onClosed(connection, error)
    this.current = connection
    this.connectedAtMs = this.options.clock.uptimeMs()
    this.renewal.watch(connection)
    this.discovery.watch(connection)
    this.setStatus('connected')
    this.listener.onConnected(connection)
    // It may have come right behind the handshake.
    if (this.isGoingAway) return this.listener.onGoAway()
    this.failure = undefined
    for (const waiter of this.line.takeAll()) waiter.ready(connection)
  }

  private onGoAway({ slotMs, target }: GoAway): void {
    this.notBeforeMs = this.options.clock.uptimeMs() + slotMs
    this.servers.leave(target)
    this.isGoingAway = true
    if (this.current === undefined) return
    this.discovery.forget(this.current)
    this.listener.onGoAway()
  }

  private onClosed(connection: ClientConnection, error: NestwireError | undefined): void {
    if (this.current !== connection) return
    this.current = undefined
    this.ticket = connection.ticket
    this.servers.leave(targetOf(error))
    this.renewal.stop()
    this.discovery.forget(connection)
    this.backoff.ended(this.options.clock.uptimeMs() - this.connectedAtMs)
    this.listener.onLost()
    if (error !== undefined) void this.reconnect(error)
  }

  private async reconnect(cause: NestwireError): Promise<void> {
    let error = cause
    while (this.currentStatus !== 'closed') {
      this.failure = error
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
    const connection = await openAnywhere(this.servers, (destination) => this.open(destination))
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
    if (this.current !== undefined) this.discovery.forget(this.current)
    this.current = undefined
    this.closedBy = error ?? new ConnectionClosedError('CLOSED', 'the client was closed')
    this.renewal.stop()
    this.delay?.cancel()
    this.setStatus('closed')
    this.listener.onClosed(error)
    this.line.failAll(this.closedBy)
  }

  private setStatus(status: ConnectionStatus): void {
    if (this.currentStatus === status) return
    this.currentStatus = status
    this.listener.onStatus(status)
  }
}
