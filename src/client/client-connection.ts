/**
 * One connection's life, from HELLO to its end; it never reconnects. Calls in flight all fail when it ends, so nothing
 * that waits on it hangs. Packets are handled in order, each before the next is read.
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { BodyError, decodeBody } from '../protocol/body.js'
import { CloseCode } from '../protocol/close-codes.js'
import { MAX_FRAME_BYTES_CEILING, MESSAGE_ID_BYTES } from '../protocol/constants.js'
import type { Ack, AuthOk, Event, Joined, Packet, Pong, ResumedRoom, Welcome, WireLimits } from '../protocol/packets.js'
import { unreachable } from '../unreachable.js'
import { Alarm } from './alarm.js'
import { ObservedCall, PacketCall, pingCall, RequestCall, type CallObserver } from './calls.js'
import { readToken, toWirePriority, withDefaults } from './connection-options.js'
import type { CallOptions, ConnectionHandlers, OpenOptions, RepeatOptions } from './connection-options.js'
import { ConnectionClosedError, NestwireError, ServerClosedError, TimeoutError } from './errors.js'
import { shakeHands, type HandshakeResult } from './handshake.js'
import { judgeKeepAlive } from './keep-alive.js'
import { PendingCalls, type PendingCall } from './pending-calls.js'
import { toBody, toBytes, toClientError, toRoomId } from './outgoing-fields.js'
import { ReadGate } from './read-gate.js'
import { ReplyStream } from './reply-stream.js'
import { unlessAborted } from './unless-aborted.js'
import type { Wire, WireListener } from './wire.js'

/** Where the server tells no limits. */
const DEFAULT_PING_INTERVAL_MS = 25_000
const DEFAULT_IDLE_TIMEOUT_MS = 60_000
/** Header, preamble, age, id and the longest name. */
const MAX_PUBLISH_OVERHEAD_BYTES = 256

export class ClientConnection implements WireListener {
  readonly welcome: Welcome
  /** What became of the rooms that were to be resumed; `undefined` if the session is a new one. */
  readonly resumedRooms: readonly ResumedRoom[] | undefined
  handlers: ConnectionHandlers
  private readonly wire: Wire
  private readonly clock: Clock
  private readonly alarm: Alarm
  private readonly pending: PendingCalls
  /** Reading stops while a reader that registered here is full and nobody waits for an answer. */
  readonly reading: ReadGate
  private currentSession: AuthOk | undefined
  private currentTicket: Buffer | undefined
  private currentLimits: WireLimits
  private pingedAtMs = -Infinity
  /** Why it ended; calls that come too late fail with it. */
  private end: NestwireError | undefined

  /** Rejects with the socket's error (`code` as it came), a refusal of the server, or CONNECT_TIMEOUT. */
  static async open(options: OpenOptions = {}): Promise<ClientConnection> {
    const { resume, redirects, signal } = options
    // Who resumes needs none, unless the ticket is refused.
    const token = resume === undefined ? await unlessAborted(readToken(options.token), signal) : options.token
    const settings = { ...withDefaults(options), token, resume, redirects, signal }
    return new Promise((resolve, reject) => {
      shakeHands(settings, (outcome) => {
        if (outcome instanceof NestwireError) reject(outcome)
        else resolve(new ClientConnection(outcome, settings.clock, options.handlers ?? {}))
      })
    })
  }

  private constructor(handshake: HandshakeResult, clock: Clock, handlers: ConnectionHandlers) {
    this.wire = handshake.wire
    this.wire.listener = this
    this.welcome = handshake.welcome
    this.resumedRooms = handshake.resumedRooms
    this.grant(handshake.session)
    this.currentLimits = handshake.welcome.limits
    this.handlers = handlers
    this.clock = clock
    this.reading = new ReadGate((isShut) => (isShut ? this.wire.pause() : this.wire.resume()))
    this.pending = new PendingCalls(this.reading)
    this.alarm = new Alarm(clock, () => this.onAlarm())
    this.applyLimits()
    this.onAlarm()
  }

  /** What AUTH_OK or RESUMED said last; `undefined` where the server asks for no authentication. */
  get session(): AuthOk | undefined {
    return this.currentSession
  }
  /** The latest heard, with which a later connection may resume the session; `undefined` if the server gave none. */
  get ticket(): Buffer | undefined {
    return this.currentTicket
  }
  /** As told last; may change at any time. */
  get limits(): WireLimits {
    return this.currentLimits
  }
  /** Why it ended, code CLOSED if this side ended it; `undefined` while it lives. */
  get closedBy(): NestwireError | undefined {
    return this.end
  }
  get socket(): Socket {
    return this.wire.socket
  }

  /** Values go to the observer as they come. The returned function cancels: the observer hears nothing more. */
  call(pattern: string, data: unknown, options: CallOptions, observer: CallObserver): () => void {
    const call = new ObservedCall(observer, this.dueAt(options.deadlineMs))
    const correlation = this.observe(call, { pattern, data, options })
    return () => this.cancel(correlation)
  }

  /** The same for a call that knows itself when it is due; `cancel` takes the correlation that is returned. */
  observe(call: ObservedCall, request: RequestToSend): number {
    const correlation = this.begin(call)
    this.sendRequest(correlation, request)
    return correlation
  }

  /** The reply's value; the last one if the server answers with a stream. */
  request(pattern: string, data?: unknown, options: CallOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const correlation = this.begin(new RequestCall(resolve, reject, this.dueAt(options.deadlineMs)))
      this.sendRequest(correlation, { pattern, data, options })
    })
  }

  /** Asked anew by each loop; leaving the loop cancels it on the server. */
  stream(pattern: string, data?: unknown, options: CallOptions = {}): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () =>
        new ReplyStream(this.reading, (observer) => this.call(pattern, data, options, observer)),
    }
  }

  /** Resolves when the event is handed to the system; nobody answers. */
  async emit(pattern: string, data?: unknown, options: Omit<CallOptions, 'deadlineMs'> = {}): Promise<void> {
    const priority = toWirePriority(options.priority)
    // Before it is sent: it may leave at once.
    const written = this.wire.whenWritten()
    this.send({ kind: 'event', priority, metadata: options.metadata, pattern, body: toBody(data) })
    if (!(await written)) throw this.end ?? notConnected()
  }

  /** `onJoined` hears of it before any later packet is handled, a promise only after those that came with it. */
  join(room: string, onJoined?: (joined: Joined) => void): Promise<Joined> {
    return new Promise((resolve, reject) => {
      const settle = (joined: Joined): void => {
        onJoined?.(joined)
        resolve(joined)
      }
      const correlation = this.begin(new PacketCall('joined', { resolve: settle, reject }, Infinity))
      try {
        this.send({ kind: 'join', correlation, room: toRoomId(room) })
      } catch (error) {
        this.abandon(correlation, error)
      }
    })
  }

  /** Resolves when the message is in the log. */
  publish(room: string, body: string | Uint8Array, options: RepeatOptions = {}): Promise<Ack> {
    return new Promise((resolve, reject) => {
      const correlation = this.begin(new PacketCall('ack', { resolve, reject }, this.dueAt(options.deadlineMs)))
      try {
        const messageId = options.messageId ?? randomBytes(MESSAGE_ID_BYTES)
        const message = { room: toRoomId(room), messageId, body: toBytes(body) }
        const priority = toWirePriority(options.priority)
        this.send({ kind: 'publish', correlation, priority, ageMs: options.ageMs, ...message })
      } catch (error) {
        this.abandon(correlation, error)
      }
    })
  }

  /** Half of `maxOutboxBytes` waits to be written: who can should wait for `whenRoom`. */
  get isHalfFull(): boolean {
    return this.wire.isHalfFull
  }

  /** False: a message of so many bytes, or a question of that size, must wait for `whenRoom`, or fails with OUTBOX_FULL. */
  hasRoomFor(bodyBytes: number): boolean {
    return this.wire.hasRoomFor(bodyBytes + MAX_PUBLISH_OVERHEAD_BYTES)
  }

  /** Resolves when more of what waits was handed to the system, or the connection is over. */
  whenRoom(): Promise<void> {
    return this.wire.whenRoom()
  }

  /** Resolves when the server has answered a PING, or rejects with DEADLINE_EXCEEDED. */
  async ping(deadlineMs: number): Promise<void> {
    await new Promise<Pong>((resolve, reject) => {
      const correlation = this.begin(new PacketCall('pong', { resolve, reject }, this.dueAt(deadlineMs)))
      if (this.end === undefined) this.wire.sendControl({ kind: 'ping', correlation })
      else this.abandon(correlation, notConnected())
    })
  }

  /** Replaces the session's token before it expires; the user must be the same. */
  async refresh(token: string): Promise<AuthOk> {
    const session = await new Promise<AuthOk>((resolve, reject) => {
      const correlation = this.begin(new PacketCall('authOk', { resolve, reject }, Infinity))
      try {
        this.send({ kind: 'auth', correlation, redirects: 0, token })
      } catch (error) {
        this.abandon(correlation, error)
      }
    })
    this.grant(session)
    return session
  }

  /**
   * Stops reading: idle timeouts stand still, the server still hears pings, but may close a client that takes nothing. If the
   * connection ends meanwhile, what was read already, 64 KiB at most, is handed over before the end is told.
   */
  pause(): void {
    this.reading.hold(this)
  }
  resume(): void {
    this.reading.release(this)
  }

  /** Sends what waits and CLOSE, then ends; resolves when the socket is gone, a second later at most. Idempotent. */
  close(): Promise<void> {
    const gone = this.wire.hangUp(CloseCode.Normal)
    this.finish(undefined)
    return gone
  }

  onPacket(packet: Packet): void {
    switch (packet.kind) {
      case 'reply':
      case 'next':
      case 'end':
      case 'error':
      case 'joined':
      case 'ack':
      case 'authOk':
      case 'pong':
        if (this.pending.answer(packet)) this.cancel(packet.correlation)
        return
      case 'deliver':
        return this.handlers.onDeliver?.(packet)
      case 'event':
        return this.onEvent(packet)
      case 'gap':
        return this.handlers.onGap?.(packet)
      case 'ping':
        this.wire.sendControl({ kind: 'pong', correlation: packet.correlation })
        return this.wire.confirm()
      case 'ticket':
        this.currentTicket = Buffer.from(packet.ticket)
        return
      case 'limits':
        return this.onLimits(packet.limits)
      case 'goAway':
        return this.handlers.onGoAway?.(packet)
      case 'close':
        void this.wire.hangUp()
        return this.finish(new ServerClosedError(packet))
      case 'hello':
      case 'welcome':
      case 'auth':
      case 'resume':
      case 'resumed':
      case 'position':
      case 'request':
      case 'cancel':
      case 'join':
      case 'publish':
        return this.wire.fail(new Error(`the server sent ${packet.kind}`))
    }
    return unreachable(packet)
  }

  onLost(error: NestwireError): void {
    this.finish(error)
  }

  private grant(session: AuthOk | undefined): void {
    this.currentSession = session
    if (session !== undefined && session.ticket.length > 0) this.currentTicket = Buffer.from(session.ticket)
  }

  private dueAt(deadlineMs: number | undefined): number {
    return deadlineMs === undefined ? Infinity : this.clock.uptimeMs() + deadlineMs
  }

  private begin(call: PendingCall): number {
    if (call.dueAtMs !== Infinity) this.alarm.setBy(call.dueAtMs)
    return this.pending.add(call)
  }

  private send(packet: Packet): void {
    if (this.end !== undefined) throw notConnected()
    this.wire.send(packet)
  }

  private sendRequest(correlation: number, request: RequestToSend): void {
    const { pattern, data, options } = request
    try {
      this.send({
        kind: 'request',
        correlation,
        priority: toWirePriority(options.priority),
        deadlineMs: options.deadlineMs,
        metadata: options.metadata,
        pattern,
        body: toBody(data),
      })
    } catch (error) {
      this.abandon(correlation, error)
    }
  }

  /** The call could not be sent. */
  private abandon(correlation: number, error: unknown): void {
    this.pending.take(correlation)?.fail(toClientError(error))
  }

  /** Nobody waits for the answer any more. */
  cancel(correlation: number): void {
    if (this.pending.take(correlation) !== undefined) this.wire.sendControl({ kind: 'cancel', correlation })
  }

  /** An event nobody can read is dropped. */
  private onEvent(packet: Event): void {
    const { onEvent } = this.handlers
    if (onEvent === undefined) return
    let data: unknown
    try {
      data = decodeBody(packet.body)
    } catch (error) {
      if (error instanceof BodyError) return
      throw error
    }
    onEvent({ pattern: packet.pattern, data, metadata: packet.metadata })
  }

  /** Limits that are not told again stay as they were. */
  private onLimits(limits: WireLimits): void {
    this.currentLimits = { ...this.currentLimits, ...limits }
    this.applyLimits()
    this.onAlarm()
    this.handlers.onLimits?.(this.currentLimits)
  }

  private applyLimits(): void {
    const maxFrameBytes = this.currentLimits.maxFrameBytes ?? MAX_FRAME_BYTES_CEILING
    this.wire.maxSendPayloadBytes = maxFrameBytes
    this.wire.raiseReceiveLimit(maxFrameBytes)
  }

  private onAlarm(): void {
    const nowMs = this.clock.uptimeMs()
    for (const [correlation, call] of this.pending.due(nowMs)) {
      this.cancel(correlation)
      call.fail(new TimeoutError('DEADLINE_EXCEEDED', 'no answer came in time'))
    }
    if (this.end !== undefined) return
    this.alarm.setBy(Math.min(this.pending.nextDueAtMs, this.keepAlive(nowMs)))
  }

  /** Returns when to ask again. */
  private keepAlive(nowMs: number): number {
    const { pingIntervalMs = DEFAULT_PING_INTERVAL_MS, idleTimeoutMs = DEFAULT_IDLE_TIMEOUT_MS } = this.currentLimits
    const { heardAtMs, isPaused } = this.wire
    const times = { heardAtMs, pingedAtMs: this.pingedAtMs, pingIntervalMs, idleTimeoutMs, isPaused }
    const verdict = judgeKeepAlive(times, nowMs)
    switch (verdict.kind) {
      case 'wait':
        return verdict.nextDueAtMs
      case 'ping':
        this.pingedAtMs = nowMs
        this.wire.sendControl({ kind: 'ping', correlation: this.begin(pingCall) })
        return this.keepAlive(nowMs)
      case 'dead':
        this.wire.destroy()
        this.finish(new ConnectionClosedError('IDLE_TIMEOUT', `nothing was heard for ${idleTimeoutMs} ms`))
        return Infinity
    }
    return unreachable(verdict)
  }

  /** The end, however it came: once, and every call in flight fails with it. */
  private finish(error: NestwireError | undefined): void {
    if (this.end !== undefined) return
    this.end = error ?? new ConnectionClosedError('CLOSED', 'the connection was closed')
    this.alarm.clear()
    this.pending.failAll(this.end)
    this.handlers.onClosed?.(error)
  }
}

interface RequestToSend {
  readonly pattern: string
  readonly data: unknown
  readonly options: CallOptions
}

const notConnected = (): NestwireError => new ConnectionClosedError('NOT_CONNECTED', 'there is no connection')
