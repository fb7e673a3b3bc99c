/**
 * One socket's life: state, handshake, one way to end. Bytes come in through the intake and leave through the outbox,
 * its deadlines watch the time, and packets that are not its own business go to the host. It knows no handlers and no
 * rooms.
 *
 * Memory is per connection times tens of thousands: no timer, no closure and no map of its own before it is needed.
 */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { CloseCode } from '../protocol/close-codes.js'
import { nextState, type ConnectionEvent, type ConnectionState } from '../protocol/connection-state.js'
import { Feature } from '../protocol/constants.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { ConnectionId } from '../protocol/ids.js'
import type { Close, Hello, Packet, Position } from '../protocol/packets.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import type { Accepted } from './accepted.js'
import type { Grant, Principal } from './authentication.js'
import type { Arrival } from './arrival-line.js'
import { clientCertificateOf } from './client-certificate.js'
import { ConnectionDeadlines, type DeadlineOwner } from './connection-deadlines.js'
import { figuresOf, type ConnectionFigures } from './connection-figures.js'
import type { ConnectionHandle, OfferVerdict } from './connection-handle.js'
import type { ConnectionHost } from './connection-host.js'
import { FrameIntake, type PacketSink } from './frame-intake.js'
import { greet } from './greeting.js'
import { isReadAtAnyPace, type PaceLimits } from './inbound-pace.js'
import type { InFlightCall } from './in-flight-call.js'
import { unacknowledgedBytes } from './kernel-queue.js'
import { NestwireException } from './nestwire.exception.js'
import { Outbox, type OutboxOwner } from './outbox.js'
import { receivePacket } from './receive-packet.js'
import { SpaceLine } from './space-line.js'

/** Every server PING carries it; nobody waits for a particular PONG, since any byte counts as life. */
const PING_FRAME = encodePacket({ kind: 'ping', correlation: 1 })

export class Connection implements ConnectionHandle, Arrival, PacketSink, OutboxOwner, DeadlineOwner {
  grant: Grant | undefined
  features = 0
  /** Requests that CANCEL and deadlines may reach; `undefined` until the first. Owned by the dispatcher. */
  calls: Map<number, InFlightCall> | undefined
  private readonly socket: Socket
  state: ConnectionState = 'connecting'
  readonly intake: FrameIntake
  private readonly outbox: Outbox
  readonly deadlines: ConnectionDeadlines
  readonly openedAtMs: number
  /** Of streams that are paced; `undefined` until the first. */
  private line: SpaceLine | undefined
  private inFlight = 0
  private isAuthenticating = false
  private hasClientEnded = false
  private returnSlotMs = 0

  constructor(
    readonly id: ConnectionId,
    { socket, openedAtMs }: Accepted,
    readonly host: ConnectionHost,
  ) {
    this.socket = socket
    const maxPayloadBytes = host.limits.current.maxHandshakeFrameBytes
    this.openedAtMs = openedAtMs
    this.intake = new FrameIntake(socket, this, host.counters, host.turns, { maxPayloadBytes, nowMs: host.wheel.nowMs })
    this.outbox = new Outbox(socket, host.flusher, this)
    this.deadlines = new ConnectionDeadlines(this, openedAtMs)
  }

  get principal(): Principal | undefined {
    return this.grant?.principal
  }
  get remoteAddress(): string {
    return this.socket.remoteAddress ?? ''
  }
  get clientCertificate(): X509Certificate | undefined {
    return clientCertificateOf(this.socket)
  }
  /** WELCOME is queued, and the end is not. */
  get isGreeted(): boolean {
    return this.state !== 'connecting' && this.state !== 'closed'
  }
  get isActive(): boolean {
    return this.state === 'active' || this.state === 'draining'
  }
  get isClosed(): boolean {
    return this.state === 'closed'
  }
  get isHandshaking(): boolean {
    return this.state === 'handshake'
  }

  offer(frame: Buffer): OfferVerdict {
    return this.outbox.offer(frame, this.host.limits.current.maxOutboxBytes)
  }

  /**
   * Queues an answer whatever `maxOutboxBytes` says: it was asked for. Bounded all the same: from half of that on no
   * request is read, so at most `maxInFlightRequests` answers come on top, and streams have a bound of their own.
   */
  reply(frame: Buffer): void {
    this.outbox.answer(frame)
  }

  /** The same for what is small and no part of a stream: it waits behind no delivery. */
  replyAhead(frame: Buffer): void {
    this.outbox.offerAhead(frame)
  }

  deliver(frame: Buffer): OfferVerdict {
    return this.outbox.deliver(frame, this.host.limits.current.confirmWindowBytes)
  }

  deliverOrDrop(frame: Buffer): OfferVerdict {
    return this.outbox.deliverOrDrop(frame, this.host.limits.current.confirmWindowBytes)
  }

  readyToDeliver(): boolean {
    return this.outbox.readyToDeliver(this.host.limits.current.confirmWindowBytes)
  }

  whenRoom(proceed: () => void): () => void {
    this.line ??= new SpaceLine(() => this.hasRoomForStreams)
    return this.line.enter(proceed)
  }

  /**
   * A quarter is where held reading goes on, too: streams that wait for room hold up no request and no CANCEL. Of a connection
   * that is over only those are left that go on without it.
   */
  private get hasRoomForStreams(): boolean {
    const { maxOutboxBytes, maxStreamBufferBytes } = this.host.limits.current
    const roomBytes = Math.min(maxOutboxBytes / 4, maxStreamBufferBytes)
    return this.state === 'closed' || this.outbox.isIdle || this.outbox.queuedBytes <= roomBytes
  }

  /** What a stream gives now comes too fast. Never so where `whenRoom` lets it on: an idle outbox may have more than that in its socket. */
  get isOverrun(): boolean {
    return this.outbox.queuedBytes > this.host.limits.current.maxStreamBufferBytes && !this.hasRoomForStreams
  }

  get queuedBytes(): number {
    return this.outbox.queuedBytes
  }

  admit(grant: Grant): void {
    const user = this.grant?.principal.user
    if (user !== undefined && user !== grant.principal.user) {
      throw new NestwireException(ErrorCode.UserMismatch, 'a refresh must be for the same user')
    }
    if (this.state === 'handshake') this.move({ kind: 'granted' })
    else if (this.state !== 'active') {
      throw new NestwireException(ErrorCode.Forbidden, `nobody can log in on a connection that is ${this.state}`)
    }
    this.grant = grant
    this.deadlines.wakeBy(this.host.wheel.nowMs + grant.principal.expiresAtMs - this.host.clock.now())
  }

  /** AUTH_OK or RESUMED is in the outbox: from here on larger frames and all requests are welcome. */
  activate(): void {
    if (this.state !== 'authenticated') return
    this.intake.maxPayloadBytes = this.host.limits.current.maxFrameBytes
    this.move({ kind: 'authOkWritten' })
    this.host.connectionActive(this)
  }

  /** The server goes away: no new requests; closes itself when those in flight are answered, which may take `deadlineMs`. */
  drain(returnSlotMs: number, deadlineMs: number): void {
    this.returnSlotMs = returnSlotMs
    if (this.state !== 'active') return this.endDrain()
    this.move({ kind: 'drain' })
    const target = this.host.drainTargetOf(this)
    const code = CloseCode.ShuttingDown
    this.replyAhead(encodePacket({ kind: 'goAway', code, slotMs: returnSlotMs, deadlineMs, target }))
    this.closeIfDrained()
  }

  /** Requests in flight have had their time; the client keeps its slot. */
  endDrain(): void {
    const [code, message] = [CloseCode.ShuttingDown, 'the server is going away']
    this.end({ code, message, retryAfterMs: this.returnSlotMs, target: this.host.drainTargetOf(this) })
  }

  close(code: CloseCode, message: string, retryAfterMs = 0): void {
    this.end({ code, message, retryAfterMs, target: '' })
  }

  redirect(target: string): void {
    this.end({ code: CloseCode.BelongsElsewhere, message: 'another node serves you', retryAfterMs: 0, target })
  }

  destroy(): void {
    this.socket.destroy()
  }

  startReading(): void {
    this.socket.resume()
  }

  stopReading(): void {
    this.socket.pause()
  }

  /** One more request of this connection is being handled. */
  begin(): void {
    this.inFlight += 1
  }

  /** It is answered, or nobody waits for it any more. */
  finish(): void {
    this.inFlight -= 1
    this.release()
  }

  /** While a token is checked nothing further is read: what follows AUTH waits in order. */
  beginAuthentication(): void {
    this.isAuthenticating = true
  }

  /** What follows is read in the next turn of the event loop: 10,000 AUTHs in one write must starve nobody. */
  finishAuthentication(): void {
    setImmediate(() => {
      this.isAuthenticating = false
      this.release()
    })
  }

  get mustHold(): boolean {
    const { maxInFlightRequests, maxOutboxBytes } = this.host.limits.current
    return this.isAuthenticating || this.inFlight >= maxInFlightRequests || this.outbox.queuedBytes > maxOutboxBytes / 2
  }

  get mayRelease(): boolean {
    const { maxInFlightRequests: requests, maxOutboxBytes: bytes } = this.host.limits.current
    return !this.isAuthenticating && this.inFlight <= requests / 2 && this.outbox.queuedBytes <= bytes / 4
  }

  get paceLimits(): PaceLimits | undefined {
    return isReadAtAnyPace(this) ? undefined : this.host.limits.current
  }

  get figures(): ConnectionFigures {
    const { socket, intake, outbox, openedAtMs } = this
    return figuresOf({ socket, intake, outbox, openedAtMs })
  }

  handlePacket(packet: Packet): void {
    receivePacket(this, packet)
  }

  onData(chunk: Buffer): void {
    if (this.state === 'closed') return
    if (this.state === 'connecting') this.host.connectionSpoke(this)
    this.deadlines.heard()
    try {
      this.intake.receive(chunk, this.host.wheel.nowMs)
      this.deadlines.wakeBy(this.intake.dueAtMs(this.host.limits.current.halfFrameTimeoutMs))
    } catch (error) {
      this.fail(error)
    }
  }

  onDrain(): void {
    this.outbox.flush()
    this.release()
    this.tellWritable()
    this.line?.serve()
  }

  outboxFlushed(): void {
    if (this.intake.isHeld) this.release()
    this.tellWritable()
    this.line?.serve()
  }

  /** FIN. What was asked for is still answered, then we hang up too. */
  onEnd(): void {
    this.hasClientEnded = true
    this.hangUpIfDone()
  }

  /** The socket is gone: hang-up, reset, or our own `destroy`. */
  onGone(): void {
    if (this.state !== 'closed') this.leave(undefined, 'the other side is gone')
    this.deadlines.cancel()
    this.outbox.abandon()
    this.line?.serve()
    this.host.connectionGone(this)
  }

  unacknowledgedBytes(): Promise<number | undefined> {
    return unacknowledgedBytes(this.socket)
  }

  ping(): void {
    this.replyAhead(PING_FRAME)
  }

  tellWritable(): void {
    if (this.outbox.takeWritable(this.host.limits.current.confirmWindowBytes)) this.host.connectionWritable(this)
  }

  observeTimes(nowMs: number): ReturnType<DeadlineOwner['observeTimes']> {
    const { intake, outbox, host } = this
    const expiresAtMs = this.principal?.expiresAtMs ?? Infinity
    const { confirmedBytes } = outbox
    // A confirmation that we do not read tells us nothing.
    const isTelling = confirmedBytes !== undefined && !intake.isHeld
    return {
      state: this.state,
      ...intake.times,
      isAwaited: outbox.isAwaited,
      sentBytes: outbox.sentBytes,
      takenBytes: isTelling ? confirmedBytes : outbox.leftBytes,
      isTelling,
      expiresAtMs: nowMs + expiresAtMs - host.clock.now(),
    }
  }

  welcome(hello: Hello): void {
    const { features, frame } = greet(hello, this.id, this.host)
    this.move({ kind: 'welcomed', authentication: this.host.authentication })
    this.features = features
    if ((features & Feature.Positions) !== 0) this.outbox.expectConfirmations()
    this.replyAhead(frame)
    if (this.host.authentication === 'none') this.intake.maxPayloadBytes = this.host.limits.current.maxFrameBytes
  }

  confirm({ receivedBytes }: Position): void {
    if (!this.outbox.confirm(receivedBytes)) {
      throw new ProtocolError(CloseCode.BadField, `${receivedBytes} bytes confirmed that were not sent`)
    }
    this.tellWritable()
  }

  private fail(error: unknown): void {
    if (error instanceof ProtocolError) return this.close(error.closeCode, error.detail)
    // A bug that somebody's bytes have reached ends their connection, not the process with everybody else's.
    this.host.connectionFailed(this, error)
    this.close(CloseCode.InternalError, 'the server failed')
  }

  release(): void {
    if (this.state === 'closed') return
    try {
      this.intake.release(this.host.wheel.nowMs)
      this.deadlines.wakeBy(this.intake.dueAtMs(this.host.limits.current.halfFrameTimeoutMs))
    } catch (error) {
      this.fail(error)
    }
    if (this.hasClientEnded) this.hangUpIfDone()
    this.closeIfDrained()
  }

  private closeIfDrained(): void {
    if (this.state === 'draining' && this.inFlight === 0) this.endDrain()
  }

  private hangUpIfDone(): void {
    if (this.state === 'closed' || this.intake.isHeld) return
    try {
      this.intake.end()
      if (this.inFlight === 0) this.close(CloseCode.Normal, 'goodbye')
    } catch (error) {
      this.fail(error)
    }
  }

  private end(close: Omit<Close, 'kind' | 'code'> & { readonly code: CloseCode }): void {
    if (this.state === 'closed') return
    this.leave(close.code, close.message)
    // A reader that takes nothing would never see what is queued; everyone else gets it before CLOSE.
    const keepQueued = close.code !== CloseCode.SlowConsumer
    this.outbox.end(encodePacket({ kind: 'close', ...close }), keepQueued)
    this.line?.serve()
    // Unread bytes would turn our FIN into a reset and lose the CLOSE on its way: read on, and throw it away.
    this.socket.resume()
  }

  private leave(code: CloseCode | undefined, reason: string): void {
    this.move({ kind: 'close' })
    this.intake.close()
    this.deadlines.closed()
    for (const call of this.calls?.values() ?? []) call.abandon()
    this.host.connectionClosed(this, code, reason)
  }

  private move(event: ConnectionEvent): void {
    const next = nextState(this.state, event)
    if (next === undefined) throw new Error(`no move ${event.kind} from ${this.state}`)
    this.state = next
  }
}
