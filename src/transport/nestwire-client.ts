/**
 * The Nest `ClientProxy` for Nestwire: one multiplexed connection, opened by the first call and again by the first call
 * after it was lost. Behaves like Nest's TCP client where the two can be compared.
 */
import type { Socket } from 'node:net'
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices'
import { Observable } from 'rxjs'
import { ClientConnection } from '../client/client-connection.js'
import type { ConnectionOptions, ServerEvent } from '../client/connection-options.js'
import { ConnectionClosedError, ServerError, type NestwireError } from '../client/errors.js'
import type { RoomItem } from '../client/room-items.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { CodedError } from './nestwire.exception.js'
import { RoomFollower } from './room-follower.js'

/** All optional, as is the object itself: `new NestwireClient()` speaks to 127.0.0.1:7420 without a token. */
export type NestwireClientOptions = Pick<
  ConnectionOptions,
  'host' | 'port' | 'token' | 'agent' | 'connectTimeoutMs' | 'maxOutboxBytes' | 'clock'
>

export type NestwireClientStatus = 'connected' | 'disconnected'

/** What `on` listens to, over all connections of this client. */
export type NestwireClientEvents = {
  /** Past the handshake. */
  connect: () => void
  /** The connection is over; the error is `undefined` if this side closed it. */
  close: (error: NestwireError | undefined) => void
  /** An event the server sent of its own accord, e.g. `rooms.presence`. */
  event: (event: ServerEvent) => void
}

// Not `ClientProxy<…, NestwireClientStatus>`: that is no `ClientProxy` to the compiler, which `customClass` asks for.
export class NestwireClient extends ClientProxy<NestwireClientEvents> {
  private readonly listeners: { [Name in keyof NestwireClientEvents]: NestwireClientEvents[Name][] } = {
    connect: [],
    close: [],
    event: [],
  }
  private connection: ClientConnection | undefined
  private connecting: Promise<void> | undefined
  private opening = new AbortController()
  private readonly rooms: RoomFollower

  constructor(private readonly options: NestwireClientOptions = {}) {
    super()
    this.rooms = new RoomFollower(options)
    this.initializeSerializer({})
    this.initializeDeserializer({})
  }

  override get status(): Observable<NestwireClientStatus> {
    return super.status as Observable<NestwireClientStatus>
  }

  /** Rejects with the socket's error (`code` as it came, e.g. ECONNREFUSED) or the server's refusal. */
  connect(): Promise<void> {
    this.connecting ??= this.open().catch((error: unknown) => {
      this.connecting = undefined
      this._status$.next('disconnected')
      throw error
    })
    return this.connecting
  }

  /** Calls in flight fail; a later call connects anew. */
  async close(): Promise<void> {
    this.opening.abort()
    this.opening = new AbortController()
    await this.connecting?.catch(() => undefined)
    await Promise.all([this.connection?.close(), this.rooms.close()])
  }

  /**
   * What happens in a room, as long as somebody is subscribed: joins it, goes on after a lost connection without a hole
   * (or with a `gap` item), completes when this client leaves, is removed or closes. Fails with a `NestwireError`: if the
   * first connection or the join does, if the server says never, and with ALREADY_FOLLOWED for a second subscriber to
   * one room (`share()` the first).
   */
  follow(room: string): Observable<RoomItem> {
    return this.rooms.follow(room)
  }

  /** The socket of the present connection. */
  unwrap<T = Socket>(): T {
    if (this.connection === undefined) throw new Error('not connected yet: call connect() first')
    return this.connection.socket as T
  }

  override on<
    Name extends keyof NestwireClientEvents,
    Listener extends NestwireClientEvents[Name] = NestwireClientEvents[Name],
  >(event: Name, listener: Listener): void {
    this.listeners[event].push(listener)
  }

  /**
   * Nest's own way through `defer`, a promise and `mergeMap` is for a connection that is still to be made. With one, which
   * is nearly always, the call goes out at once: half the client's processor time a call (`npm run bench -- rpc`).
   */
  override send<Result = unknown, Input = unknown>(pattern: unknown, data: Input): Observable<Result> {
    if (this.connection === undefined || isAbsent(pattern) || isAbsent(data)) return super.send<Result>(pattern, data)
    return new Observable<Result>((subscriber) => {
      if (this.connection === undefined) return super.send<Result>(pattern, data).subscribe(subscriber)
      return this.publish(this.createPacket(pattern, data), this.createObserver(subscriber))
    })
  }

  protected override publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const { connection } = this
    if (connection === undefined) {
      callback({ err: notConnected() })
      return () => undefined
    }
    const metadata = packet.metadata
    return connection.call(
      this.normalizePattern(packet.pattern),
      packet.data,
      metadata === undefined ? {} : { metadata },
      {
        // A handler that returned nothing completes without a value, as on Nest's own transports.
        next: (response) => {
          if (response !== undefined) callback({ response })
        },
        error: (error) => callback({ err: toCallerError(error) }),
        complete: () => callback({ isDisposed: true }),
      },
    )
  }

  protected override async dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    const { connection } = this
    if (connection === undefined) throw notConnected()
    const { metadata } = packet
    const options = metadata === undefined ? {} : { metadata }
    await connection.emit(this.normalizePattern(packet.pattern), packet.data, options)
    return undefined as T
  }

  private async open(): Promise<void> {
    const connection: ClientConnection = await ClientConnection.open({
      ...this.options,
      signal: this.opening.signal,
      handlers: {
        onEvent: (event) => {
          for (const listener of this.listeners.event) listener(event)
        },
        onClosed: (error) => this.closed(error),
      },
    })
    if (connection.closedBy !== undefined) throw connection.closedBy
    this.connection = connection
    this._status$.next('connected')
    for (const listener of this.listeners.connect) listener()
  }

  private closed(error: NestwireError | undefined): void {
    this.connection = undefined
    this.connecting = undefined
    this._status$.next('disconnected')
    for (const listener of this.listeners.close) listener(error)
  }
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null

const notConnected = (): ConnectionClosedError => new ConnectionClosedError('NOT_CONNECTED', 'Connection closed')

/**
 * What a caller catches: of a handler's own error exactly what its filters sent, of an unknown pattern Nest's text, of
 * the protocol's codes a `CodedError`; failures of the connection stay `Error`s with a `code`.
 */
function toCallerError(error: NestwireError): unknown {
  if (!(error instanceof ServerError)) return error
  // An empty body (a filter may fail with nothing) would look like a value to Nest, and the call would never end.
  if (error.errorCode === ErrorCode.Application && error.body) return error.body
  if (error.errorCode === ErrorCode.NoHandler) return error.message
  const { code, message, retryAfterMs, body: details } = error
  const coded: CodedError = {
    status: 'error',
    code,
    message,
    ...(retryAfterMs > 0 && { retryAfterMs }),
    ...(details !== undefined && { details }),
  }
  return coded
}
