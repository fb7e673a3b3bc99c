/**
 * The Nest transport strategy: owns the listener and the connections, and knows nothing about chat. An application adds
 * its controllers, an authentication, and (if it has hot packets) compact routes.
 */
import { createServer, type Server as TcpServer, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices'
import { systemClock, type Clock } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { DEFAULT_PORT, Feature, OFFERED_FEATURES } from '../protocol/constants.js'
import type { Accepted } from './accepted.js'
import { ArrivalLine } from './arrival-line.js'
import type { Authenticator } from './authentication.js'
import { authenticatorRoute } from './authenticator-route.js'
import type { AnyCompactRoute } from './compact-route.js'
import { FREE_PASS, type ConnectionGate, type Pass, type Refusal } from './connection-gate.js'
import type { ConnectionHandle, ConnectionObserver } from './connection-handle.js'
import type { ConnectionHost, DispatchedPacket } from './connection-host.js'
import { ConnectionLog } from './connection-log.js'
import { ConnectionRegistry } from './connection-registry.js'
import { Connection } from './connection.js'
import { Dispatcher, type CompactHandler } from './dispatcher.js'
import { drainConnections } from './drain-connections.js'
import type { Neighbours } from './neighbours.js'
import { NESTWIRE_TRANSPORT } from './nestwire-transport.js'
import { TurnShare } from './turn-share.js'
import { TickFlusher } from './outbox.js'
import { RequestCounters } from './request-counters.js'
import { RecentCloses } from './recent-closes.js'
import { RouteTable } from './route-table.js'
import { limitsWereHeard, tellOfLimits } from './limits-change.js'
import { listenTo } from './socket-listeners.js'
import { TimerWheel } from './timer-wheel.js'
import type { TlsCounters } from './tls-counters.js'
import { TlsDoor } from './tls-door.js'
import { TransportCounters } from './transport-counters.js'
import { fixedLimits, type LimitsSource } from './transport-limits.js'

export interface NestwireServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 7420; 0 takes a free one, which `unwrap().address()` tells. */
  readonly port?: number
  /**
   * Switches TLS on: `key`, `cert` and what else `node:tls` takes for a server. With `requestCert` a client certificate must
   * be good (`ca`), and is required unless `rejectUnauthorized` is false; who is refused gets CLOSE `AuthRejected`.
   */
  readonly tlsOptions?: TlsOptions | undefined
  /**
   * `'none'` (default): whoever connects may call. `'handler'`: AUTH runs the application's `auth.login` handler, for
   * which there must be a compact route. Or an `Authenticator` that turns tokens into principals.
   */
  readonly authentication?: 'none' | 'handler' | Authenticator
  /** Default: the defaults, fixed. See `fixedLimits`. */
  readonly limits?: LimitsSource
  readonly compactRoutes?: readonly AnyCompactRoute[]
  /** Who may connect, apart from how many. Default: everybody. */
  readonly gate?: ConnectionGate
  readonly observers?: readonly ConnectionObserver[]
  /** Of a server that is one of several; WELCOME then says *cluster*, and a handler must answer `cluster.nodes`. */
  readonly neighbours?: Neighbours | undefined
  readonly clock?: Clock
  /** To be shared with whoever offers frames in slices and flushes them himself. */
  readonly flusher?: TickFlusher
}

/**
 * What a socket takes before it is asked to wait, the same for every version of Node (64 KiB is the default from 22 on): above it
 * the outbox knows what waits, and bounds it.
 */
const SOCKET_MARK_BYTES = 16 * 1024
/** Closing a connection takes some 0.1 ms, and thousands that came at once are due at once. */
const DEADLINES_PER_TURN = 64

export type NestwireStatus = 'connected' | 'disconnected'
/** What `on` listens to: the events of the `net.Server`. */
export type NestwireServerEvents = {
  listening: () => void
  connection: (socket: Socket) => void
  error: (error: Error) => void
  close: () => void
}

/** Connections that may not come in are told so, but only this many at a time; beyond that they are cut. */
const MAX_REFUSALS = 256
const LISTEN_BACKLOG = 4096
const SERVER_FULL: Refusal = {
  kind: 'refused',
  code: CloseCode.ServerFull,
  message: 'the connection limit is reached',
  retryAfterMs: 5_000,
}

export class NestwireServer extends Server<NestwireServerEvents, NestwireStatus> implements CustomTransportStrategy {
  override transportId = NESTWIRE_TRANSPORT
  readonly counters = new TransportCounters()
  readonly requests = new RequestCounters()
  private readonly clock: Clock
  private readonly limits: LimitsSource
  /** For operators. */
  readonly recentCloses: RecentCloses
  private readonly registry = new ConnectionRegistry()
  private readonly log: ConnectionLog
  private readonly arrivals: ArrivalLine
  private readonly host: ConnectionHost
  private readonly door: TlsDoor
  /** Listeners given before there was a server to listen to. */
  private readonly pendingListeners: ((tcp: TcpServer) => void)[] = []
  private dispatcher: Dispatcher | undefined
  private tcp: TcpServer | undefined
  private closing: Promise<void> | undefined
  private readonly stopHearingOfLimits: (() => void) | undefined

  constructor(private readonly options: NestwireServerOptions = {}) {
    super()
    this.clock = options.clock ?? systemClock
    this.log = new ConnectionLog(this.clock)
    this.limits = options.limits ?? fixedLimits()
    this.arrivals = new ArrivalLine(this.clock)
    this.recentCloses = new RecentCloses(this.clock)
    this.initializeSerializer({})
    this.initializeDeserializer({})
    this.host = this.makeHost()
    const { clock, limits, registry } = this
    this.door = new TlsDoor({ clock, limits, wheel: this.host.wheel, onEntered: (accepted) => this.open(accepted) })
    this.useTls(options.tlsOptions)
    this.stopHearingOfLimits = limits.onChange?.((before) => tellOfLimits(registry, { now: limits.current, before }))
  }

  /** True while new connections are taken. */
  get isAccepting(): boolean {
    return this.tcp?.listening === true && this.closing === undefined
  }

  /** Sockets that are there now, those still hanging up or at the handshake of TLS included. */
  get connectionCount(): number {
    return this.registry.size + this.door.size
  }

  get tlsCounters(): Readonly<TlsCounters> {
    return this.door.counters
  }

  /** Unix milliseconds; `undefined` without TLS. */
  get tlsCertificateEndsAtMs(): number | undefined {
    return this.door.certificateEndsAtMs
  }

  /**
   * Other keys and certificates, or none, for connections that are still to come; those that are there live on. Throws, and
   * changes nothing, for what cannot be used.
   */
  useTls(options: TlsOptions | undefined): void {
    this.door.use(options)
  }

  /** All of those, as they come. */
  get connections(): Iterable<ConnectionHandle> {
    return this.registry
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
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true, highWaterMark: SOCKET_MARK_BYTES }
    const tcp = createServer(options, (socket) => this.accept(socket))
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
    const accepted = { socket, openedAtMs: this.clock.uptimeMs(), entry: this.enter(socket) }
    if (this.door.isOn && !this.isCut(accepted)) this.door.enter(accepted)
    else this.open(accepted)
  }

  /** Asked behind the door, too: who speaks no TLS, or has no good certificate, is refused there and has no pass any more. */
  private isCut({ entry }: Accepted): boolean {
    return entry.kind === 'refused' && this.refusedCount >= MAX_REFUSALS
  }

  private open(accepted: Accepted): void {
    const { socket, entry } = accepted
    if (this.isCut(accepted)) {
      this.counters.refusedUntold += 1
      socket.destroy()
      return
    }
    const connection = new Connection(this.registry.nextId(), accepted, this.host)
    const isRefused = entry.kind === 'refused'
    this.registry.add(connection, isRefused ? undefined : entry)
    this.log.connectionOpened(connection)
    listenTo(socket, connection)
    if (isRefused) {
      if (entry === SERVER_FULL) this.counters.refused += 1
      connection.close(entry.code, entry.message, entry.retryAfterMs)
    } else {
      this.counters.accepted += 1
      this.arrivals.add(connection)
    }
  }

  /** About to be told that they may not stay. */
  private get refusedCount(): number {
    return this.registry.refusedCount + this.door.refusedCount
  }

  /** The gate is asked first: who may not come in is told why, and counted, also while nobody may. */
  private enter(socket: Socket): Pass | Refusal {
    const entry = this.options.gate?.enter(socket.remoteAddress ?? '') ?? FREE_PASS
    const admittedCount = this.connectionCount - this.refusedCount
    if (entry.kind === 'refused' || admittedCount < this.limits.current.maxConnections) return entry
    entry.leave()
    return SERVER_FULL
  }

  private async drain(): Promise<void> {
    this.stopHearingOfLimits?.()
    const { tcp } = this
    if (tcp === undefined) return
    const stopped = new Promise<void>((resolve) => tcp.close(() => resolve()))
    this.door.close()
    const { clock } = this
    const sinceMs = clock.uptimeMs()
    this.log.draining(this.registry.size, this.limits.current.drainTimeoutMs)
    await this.options.neighbours?.startDraining()
    const { drainTimeoutMs, closeLingerMs } = this.limits.current
    const limits = { drainTimeoutMs: Math.max(0, drainTimeoutMs - (clock.uptimeMs() - sinceMs)), closeLingerMs }
    await drainConnections(this.registry, { clock, limits, counters: this.counters })
    await stopped
    this.log.drained(clock.uptimeMs() - sinceMs, this.counters.cutInDrain)
    this.log.close()
  }

  private makeHost(): ConnectionHost {
    const { clock, limits, registry, counters, requests } = this
    const { authentication = 'none', observers = [], compactRoutes = [], neighbours } = this.options
    const resumes = compactRoutes.some(({ packet }) => packet === 'resume')
    const absent = (resumes ? 0 : Feature.Resume) | (neighbours === undefined ? Feature.Cluster : 0)
    return {
      clock,
      limits,
      counters,
      requests,
      wheel: new TimerWheel(clock, DEADLINES_PER_TURN),
      flusher: this.options.flusher ?? new TickFlusher(),
      turns: new TurnShare(),
      authentication: authentication === 'none' ? 'none' : 'token',
      offeredFeatures: OFFERED_FEATURES & ~absent,
      dispatch: (connection: Connection, packet: DispatchedPacket) => this.dispatcher?.dispatch(connection, packet),
      connectionSpoke: (connection) => this.arrivals.leave(connection),
      connectionActive: (connection) => {
        counters.handshakes.observe((clock.uptimeMs() - connection.openedAtMs) / 1000)
        for (const observer of observers) observer.connectionActive?.(connection)
      },
      connectionPonged: (connection, correlation) => {
        if (limitsWereHeard(connection, correlation)) return
        for (const observer of observers) observer.connectionPonged?.(connection, correlation)
      },
      connectionClosed: (connection, code, reason) => {
        this.log.connectionClosed(connection, code, reason)
        counters.closed(code)
        // Who is refused is counted; a flood of them must not wash out what else has happened.
        if (registry.isAdmitted(connection)) this.recentCloses.add(connection, code)
        this.arrivals.leave(connection)
        for (const observer of observers) observer.connectionClosed?.(connection)
      },
      connectionFailed: (connection, error) => this.log.connectionFailed(connection, error),
      connectionWritable: (connection) => {
        for (const observer of observers) observer.connectionWritable?.(connection)
      },
      drainTargetOf: (connection) => neighbours?.targetOf(connection) ?? '',
      connectionGone: (connection) => registry.remove(connection),
    }
  }

  private makeDispatcher(): Dispatcher {
    const routes = new RouteTable(this.messageHandlers, (pattern) => this.getHandlerByPattern(pattern))
    for (const pattern of routes.requestScopedPatterns) {
      this.logger.warn(`${pattern} is request-scoped: Nest builds its controller anew for each message`)
    }
    const compact = this.compactHandlers(routes)
    for (const pattern of [...routes.patterns, ...Array.from(compact.values(), (route) => route.pattern)]) {
      this.requests.add(pattern)
    }
    return new Dispatcher({
      routes,
      compact,
      callHost: { ...this.host, log: this.log },
      log: this.log,
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
