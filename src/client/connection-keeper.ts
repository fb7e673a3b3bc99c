/**
 * Keeps one connection up: connects, and when it is lost connects again with full-jitter backoff until it is closed or
 * the server says never. Which rooms and calls live on it is not its business.
 */
import type { Clock } from '../clock.js'
import { ClientConnection } from './client-connection.js'
import type { ConnectionHandlers, ConnectionOptions } from './connection-options.js'
import { Delay } from './delay.js'
import { ConnectionClosedError, NestwireError } from './errors.js'
import { judgeRetry } from './retry.js'
import { TokenRenewal } from './token-renewal.js'

export type ConnectionStatus = 'connecting' | 'connected' | 'reconnecting' | 'closed'

interface KeeperOptions extends Omit<ConnectionOptions, 'handlers'> {
  readonly clock: Clock
  /** 0 up to 1, for the jitter. */
  readonly random: () => number
}

interface KeeperListener {
  readonly handlers: Omit<ConnectionHandlers, 'onClosed' | 'onGoAway'>
  onConnected(connection: ClientConnection): void
  onLost(): void
  /** No further try; `undefined` if this side closed. */
  onClosed(error: NestwireError | undefined): void
  onStatus(status: ConnectionStatus): void
}

/** A connection that lived this long starts the backoff anew. */
const STABLE_AFTER_MS = 60_000

export class ConnectionKeeper {
  private current: ClientConnection | undefined
  private currentStatus: ConnectionStatus = 'connecting'
  private delay: Delay | undefined
  private attempt = 0
  private connectedAtMs = 0
  /** GOAWAY's time slot. */
  private notBeforeMs = 0
  private readonly renewal: TokenRenewal

  constructor(
    private readonly options: KeeperOptions,
    private readonly listener: KeeperListener,
  ) {
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
    await connection?.close()
  }

  private open(): Promise<ClientConnection> {
    const onGoAway = ({ slotMs }: { slotMs: number }): void => {
      this.notBeforeMs = this.options.clock.uptimeMs() + slotMs
    }
    return ClientConnection.open({ ...this.options, handlers: { ...this.listener.handlers, onGoAway } })
  }

  private adopt(connection: ClientConnection): void {
    if (connection.closedBy !== undefined) throw connection.closedBy
    connection.handlers.onClosed = (error) => this.onClosed(connection, error)
    this.current = connection
    this.connectedAtMs = this.options.clock.uptimeMs()
    this.renewal.watch(connection)
    this.setStatus('connected')
    this.listener.onConnected(connection)
  }

  private onClosed(connection: ClientConnection, error: NestwireError | undefined): void {
    if (this.current !== connection) return
    this.current = undefined
    this.renewal.stop()
    const livedMs = this.options.clock.uptimeMs() - this.connectedAtMs
    if (livedMs >= STABLE_AFTER_MS) this.attempt = 0
    this.listener.onLost()
    if (error !== undefined) void this.reconnect(error)
  }

  private async reconnect(cause: NestwireError): Promise<void> {
    let error = cause
    while (this.currentStatus !== 'closed') {
      const verdict = judgeRetry(error, this.attempt, this.options.random)
      if (verdict.kind === 'stop') return this.stop(error)
      this.attempt += 1
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
    this.renewal.stop()
    this.delay?.cancel()
    this.setStatus('closed')
    this.listener.onClosed(error)
  }

  private setStatus(status: ConnectionStatus): void {
    if (this.currentStatus === status) return
    this.currentStatus = status
    this.listener.onStatus(status)
  }
}
