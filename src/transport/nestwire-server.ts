/**
 * The Nest transport strategy: owns the listener and the connections, and knows nothing about chat. An application adds
 * its controllers, an authentication, and (if it has hot packets) compact routes.
 */
import { createServer, type Server as TcpServer, type Socket } from 'node:net'
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices'
import { systemClock, type Clock } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { DEFAULT_PORT, Feature, OFFERED_FEATURES } from '../protocol/constants.js'
import { ArrivalLine } from './arrival-line.js'
import type { Authenticator } from './authentication.js'
import { authenticatorRoute } from './authenticator-route.js'
import type { AnyCompactRoute } from './compact-route.js'
import type { ConnectionObserver } from './connection-handle.js'
import type { ConnectionHost, DispatchedPacket } from './connection-host.js'
import { ConnectionRegistry } from './connection-registry.js'
import { Connection } from './connection.js'
import { Dispatcher, type CompactHandler } from './dispatcher.js'
import { drainConnections } from './drain-connections.js'
import { NESTWIRE_TRANSPORT } from './nestwire-transport.js'
import { TickFlusher } from './outbox.js'
import { RouteTable } from './route-table.js'
import { listenTo } from './socket-listeners.js'
import { TimerWheel } from './timer-wheel.js'
import { fixedLimits, type LimitsSource } from './transport-limits.js'

export interface NestwireServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 7420; 0 takes a free one, which `unwrap().address()` tells. */
  readonly port?: number
  /**
   * `'none'` (default): whoever connects may call. `'handler'`: AUTH runs the application's `auth.login` handler, for
   * which there must be a compact route. Or an `Authenticator` that turns tokens into principals.
   */
  readonly authentication?: 'none' | 'handler' | Authenticator
  /** Default: the defaults, fixed. See `fixedLimits`. */
  readonly limits?: LimitsSource
  readonly compactRoutes?: readonly AnyCompactRoute[]
  readonly observers?: readonly ConnectionObserver[]
  readonly clock?: Clock
  /** To be shared with whoever offers frames in slices and flushes them himself. */
  readonly flusher?: TickFlusher
}

export type NestwireStatus = 'connected' | 'disconnected'
/** What `on` listens to: the events of the `net.Server`. */
export type NestwireServerEvents = {
  listening: () => void
  connection: (socket: Socket) => void
  error: (error: Error) => void
  close: () => void
}

/** Connections above the limit are told so, but only this many at a time; beyond that they are cut. */
const MAX_REFUSALS = 256
const LISTEN_BACKLOG = 4096
const RETRY_WHEN_FULL_MS = 5_000

export class NestwireServer extends Server<NestwireServerEvents, NestwireStatus> implements CustomTransportStrategy {
  override transportId = NESTWIRE_TRANSPORT
  private readonly clock: Clock
  private readonly limits: LimitsSource
  private readonly registry = new ConnectionRegistry()
  private readonly arrivals: ArrivalLine
  private readonly host: ConnectionHost
  /** Listeners given before there was a server to listen to. */
  private readonly pendingListeners: ((tcp: TcpServer) => void)[] = []
  private dispatcher: Dispatcher | undefined
  private tcp: TcpServer | undefined
  private closing: Promise<void> | undefined

  constructor(private readonly options: NestwireServerOptions = {}) {
    super()
    this.clock = options.clock ?? systemClock
    this.limits = options.limits ?? fixedLimits()
    this.arrivals = new ArrivalLine(this.clock)
    this.initializeSerializer({})
    this.initializeDeserializer({})
    this.host = this.makeHost()
  }

  /** True while new connections are taken. */
  get isAccepting(): boolean {
    return this.tcp?.listening === true && this.closing === undefined
  }

  /** Sockets that are there now, those still hanging up included. */
  get connectionCount(): number {
    return this.registry.size
  }

  override addHandler(pattern: unknown, callback: MessageHandler, isEventHandler = false, extras = {}): void {
    const route = this.normalizePattern(pattern as Parameters<typeof this.normalizePattern>[0])
    const earlier = this.messageHandlers.get(route)
    // Nest chains events and drops every other pair to one handler without a word.
    if (earlier !== undefined && !(isEventHandler && earlier.isEventHandler === true)) {
      const kinds = [earlier.isEventHandler === true, isEventHandler].map(decoratorOf).join(' and ')
      throw new Error(`${route} has two handlers, ${kinds}: only one of them would ever be called`)
    }
    super.addHandler(pattern, callback, isEventHandler, extras)
  }

  listen(callback: (error?: unknown) => void): void {
    try {
      this.dispatcher = this.makeDispatcher()
    } catch (error) {
      return callback(error)
    }
    // Half-open, so that a client that ends its side still gets its answers and a code.
    const tcp = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      this.accept(socket),
    )
    this.tcp = tcp
    for (const attach of this.pendingListeners) attach(tcp)
    tcp.once('error', callback)
    tcp.on('error', () => this._status$.next('disconnected'))
    tcp.on('close', () => this._status$.next('disconnected'))
    const { host = '127.0.0.1', port = DEFAULT_PORT } = this.options
    tcp.listen({ host, port, backlog: LISTEN_BACKLOG }, () => {
      tcp.off('error', callback)
      tcp.on('error', (error) => this.handleError(String(error)))
      this._status$.next('connected')
      callback()
    })
  }

  /**
   * Stops listening, lets requests in flight finish for at most `drainTimeoutMs`, then closes every connection with
   * SHUTTING_DOWN. Idempotent: every caller awaits the same end.
   */
  close(): Promise<void> {
    this.closing ??= this.drain()
    return this.closing
  }

  /** The listening `net.Server`. */
  unwrap<T = TcpServer>(): T {
    if (this.tcp === undefined) throw new Error('not listening yet: call listen() or startAllMicroservices() first')
    return this.tcp as T
  }

  /** Listens to an event of the `net.Server`, now or as soon as there is one. */
  override on<
    Event extends keyof NestwireServerEvents,
    Listener extends NestwireServerEvents[Event] = NestwireServerEvents[Event],
  >(event: Event, listener: Listener): void {
    const attach = (tcp: TcpServer): void => void tcp.on(event, listener)
    if (this.tcp === undefined) this.pendingListeners.push(attach)
    else attach(this.tcp)
  }

  private accept(socket: Socket): void {
    const { maxConnections } = this.limits.current
    const isFull = this.registry.size >= maxConnections
    if (this.registry.size >= maxConnections + MAX_REFUSALS) {
      socket.destroy()
      return
    }
    const connection = new Connection(this.registry.nextId(), socket, this.host)
    this.registry.add(connection)
    listenTo(socket, connection)
    if (isFull) connection.close(CloseCode.ServerFull, 'the connection limit is reached', RETRY_WHEN_FULL_MS)
    else this.arrivals.add(connection)
  }

  private async drain(): Promise<void> {
    const { tcp } = this
    if (tcp === undefined) return
    const stopped = new Promise<void>((resolve) => tcp.close(() => resolve()))
    await drainConnections(this.registry, { clock: this.clock, limits: this.limits.current })
    await stopped
  }

  private makeHost(): ConnectionHost {
    const { clock, limits, registry } = this
    const { authentication = 'none', observers = [], compactRoutes = [] } = this.options
    const resumes = compactRoutes.some(({ packet }) => packet === 'resume')
    return {
      clock,
      limits,
      wheel: new TimerWheel(clock),
      flusher: this.options.flusher ?? new TickFlusher(),
      authentication: authentication === 'none' ? 'none' : 'token',
      offeredFeatures: resumes ? OFFERED_FEATURES : OFFERED_FEATURES & ~Feature.Resume,
      dispatch: (connection: Connection, packet: DispatchedPacket) => this.dispatcher?.dispatch(connection, packet),
      connectionSpoke: (connection) => this.arrivals.leave(connection),
      connectionActive: (connection) => {
        for (const observer of observers) observer.connectionActive?.(connection)
      },
      connectionPonged: (connection, correlation) => {
        for (const observer of observers) observer.connectionPonged?.(connection, correlation)
      },
      connectionClosed: (connection) => {
        this.arrivals.leave(connection)
        for (const observer of observers) observer.connectionClosed?.(connection)
      },
      connectionWritable: (connection) => {
        for (const observer of observers) observer.connectionWritable?.(connection)
      },
      connectionGone: (connection) => registry.remove(connection),
    }
  }

  private makeDispatcher(): Dispatcher {
    const routes = new RouteTable(this.messageHandlers, (pattern) => this.getHandlerByPattern(pattern))
    for (const pattern of routes.requestScopedPatterns) {
      this.logger.warn(`${pattern} is request-scoped: Nest builds its controller anew for each message`)
    }
    return new Dispatcher({
      routes,
      compact: this.compactHandlers(routes),
      callHost: this.host,
      runWithHooks: (context, run) => this.runWithProcessingHooks(context, run),
    })
  }

  private compactHandlers(routes: RouteTable): ReadonlyMap<AnyCompactRoute['packet'], CompactHandler> {
    const { authentication = 'none', compactRoutes = [] } = this.options
    const handlers = new Map<AnyCompactRoute['packet'], CompactHandler>()
    for (const route of compactRoutes) {
      const { packet, pattern } = route
      const handler = routes.find(pattern)
      if (handler === undefined) throw new Error(`${packet} stands for ${pattern}, which has no handler`)
      handlers.set(packet, {
        handler,
        pattern,
        // The map pairs each packet kind with its own route, which its type cannot say.
        toPayload: (packetOfThatKind: never) => route.toPayload(packetOfThatKind),
        toReply: (result, correlation) => route.toReply(result, correlation),
      })
    }
    if (typeof authentication === 'object') handlers.set('auth', authenticatorRoute(authentication))
    if (authentication === 'handler' && !handlers.has('auth')) {
      throw new Error("authentication 'handler' needs a compact route for auth")
    }
    return handlers
  }
}

const decoratorOf = (isEventHandler: boolean): string => (isEventHandler ? '@EventPattern' : '@MessagePattern')
