/**
 * From a TCP connect, and TLS, to AUTH_OK or RESUMED (WELCOME, where the server asks for no authentication), under one deadline. A
 * session that cannot be resumed is no failure as long as there is a token for a new one.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { Feature, MAX_FRAME_BYTES_CEILING, PROTOCOL_VERSION } from '../protocol/constants.js'
import type { AuthOk, ErrorPacket, Packet, ResumedRoom, Welcome, WireLimits } from '../protocol/packets.js'
import { Alarm } from './alarm.js'
import { readToken, type ClientTls, type ConnectionOptions, type ResumeOffer } from './connection-options.js'
import { ClientError, NestwireError, ServerClosedError, ServerError, TimeoutError } from './errors.js'
import { openSocket } from './open-socket.js'
import { resumeRequest } from './resume-request.js'
import { isPassing } from './retry.js'
import { abortedError } from './unless-aborted.js'
import { Wire, type WireListener } from './wire.js'

interface HandshakeOptions {
  readonly host: string
  readonly port: number
  readonly tls?: ClientTls | undefined
  readonly token: ConnectionOptions['token']
  readonly agent: string
  readonly connectTimeoutMs: number
  readonly maxOutboxBytes: number
  readonly clock: Clock
  readonly resume?: ResumeOffer | undefined
  /** How many servers have sent the client elsewhere; default 0. */
  readonly redirects?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface HandshakeResult {
  readonly wire: Wire
  readonly welcome: Welcome
  /** `undefined` where the server asks for no authentication. */
  readonly session: AuthOk | undefined
  /** `undefined` if no session was resumed. */
  readonly resumedRooms: readonly ResumedRoom[] | undefined
}

/** Called once, inside the handling of the last packet: the wire's listener must be replaced before it returns. */
type HandshakeOutcome = (result: HandshakeResult | NestwireError) => void

export function shakeHands(options: HandshakeOptions, onOutcome: HandshakeOutcome): void {
  let socket: Socket
  let handshake: Handshake | undefined
  try {
    socket = openSocket(options, () => handshake?.greet())
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    return onOutcome(new ClientError('BAD_FIELD', message, { cause }))
  }
  handshake = new Handshake(socket, options, onOutcome)
  handshake.start()
}

const RESUME_CORRELATION = 1
const AUTH_CORRELATION = 2
const FEATURES: number = Feature.Resume | Feature.Positions | Feature.Cluster
/** May come at any time after WELCOME, and mean nothing yet; of events no server should need that. */
const skipped: ReadonlySet<Packet['kind']> = new Set(['goAway', 'gap', 'ticket', 'event'])

class Handshake implements WireListener {
  private readonly wire: Wire
  private readonly alarm: Alarm
  private welcome: Welcome | undefined
  private isResuming = false
  private isOver = false
  private readonly abort = (): void => {
    this.wire.destroy()
    this.fail(abortedError())
  }

  constructor(
    socket: Socket,
    private readonly options: HandshakeOptions,
    private readonly onOutcome: HandshakeOutcome,
  ) {
    const { host, port, clock, maxOutboxBytes, connectTimeoutMs } = options
    this.wire = new Wire(socket, { clock, maxOutboxBytes }, this)
    this.alarm = new Alarm(clock, () => {
      this.wire.destroy()
      this.fail(new TimeoutError('CONNECT_TIMEOUT', `no connection to ${host}:${port} in ${connectTimeoutMs} ms`))
    })
  }

  start(): void {
    const { clock, connectTimeoutMs, signal } = this.options
    if (signal?.aborted === true) return this.abort()
    signal?.addEventListener('abort', this.abort)
    this.alarm.setBy(clock.uptimeMs() + connectTimeoutMs)
  }

  /** The socket is there. */
  greet(): void {
    const versions = { minVersion: PROTOCOL_VERSION, maxVersion: PROTOCOL_VERSION }
    this.trySend({ kind: 'hello', ...versions, features: FEATURES, agent: this.options.agent })
  }

  onPacket(packet: Packet): void {
    if (this.isOver) return
    switch (packet.kind) {
      case 'welcome':
        return this.onWelcome(packet)
      case 'authOk':
        return this.welcome === undefined ? this.refuse(packet) : this.finish(this.welcome, packet)
      case 'resumed': {
        const { rooms, ...grant } = packet
        if (!this.isResuming || this.welcome === undefined) return this.refuse(packet)
        return this.finish(this.welcome, { ...grant, kind: 'authOk' }, rooms)
      }
      case 'limits':
        return this.onLimits(packet.limits)
      case 'ping':
        return this.wire.sendControl({ kind: 'pong', correlation: packet.correlation })
      case 'error':
        return this.onError(packet)
      case 'close':
        void this.wire.hangUp()
        return this.fail(new ServerClosedError(packet))
      default:
        if (!skipped.has(packet.kind)) this.refuse(packet)
    }
  }

  onLost(error: NestwireError): void {
    this.fail(error)
  }

  private onWelcome(welcome: Welcome): void {
    if (this.welcome !== undefined || welcome.version !== PROTOCOL_VERSION) return this.refuse(welcome)
    this.welcome = welcome
    this.wire.confirms = (welcome.features & Feature.Positions) !== 0
    this.wire.raiseReceiveLimit(welcome.limits.maxFrameBytes ?? MAX_FRAME_BYTES_CEILING)
    if (welcome.authentication === 'none') return this.finish(welcome, undefined)
    const { resume } = this.options
    const canResume = resume !== undefined && (welcome.features & Feature.Resume) !== 0
    const ids = { correlation: RESUME_CORRELATION, redirects: this.redirects }
    const request = canResume ? resumeRequest(resume, ids) : undefined
    if (request === undefined) return this.logIn()
    this.isResuming = true
    this.trySend(request)
  }

  private onLimits(limits: WireLimits): void {
    if (this.welcome !== undefined) this.welcome = { ...this.welcome, limits: { ...this.welcome.limits, ...limits } }
  }

  /**
   * A session that cannot be resumed is replaced by a new one, whether it is gone or the server cannot say now: taking it
   * up again has to be written down there, and a disk may stay full for hours.
   */
  private onError({ code, message, retryAfterMs }: ErrorPacket): void {
    const hasToken = this.options.token !== undefined
    if (this.isResuming && (hasToken || !isPassing(code))) {
      this.isResuming = false
      return this.logIn()
    }
    void this.wire.hangUp()
    this.fail(new ServerError(code, message, retryAfterMs, undefined))
  }

  private logIn(): void {
    const { token } = this.options
    if (typeof token !== 'function') return this.sendToken(token)
    readToken(token).then(
      (fresh) => this.sendToken(fresh),
      (error: NestwireError) => this.giveUp(error),
    )
  }

  private sendToken(token: string | undefined): void {
    if (this.isOver) return
    const hasCertificate = this.options.tls?.cert !== undefined
    if (token === undefined && !hasCertificate) {
      return this.giveUp(new ClientError('TOKEN_REQUIRED', 'the server wants a token'))
    }
    // None: it is the certificate that counts.
    this.trySend({ kind: 'auth', correlation: AUTH_CORRELATION, redirects: this.redirects, token: token ?? '' })
  }

  private get redirects(): number {
    return this.options.redirects ?? 0
  }

  private trySend(packet: Packet): void {
    try {
      this.wire.send(packet)
    } catch (error) {
      if (!(error instanceof NestwireError)) throw error
      this.giveUp(error)
    }
  }

  private refuse(packet: Packet): void {
    this.wire.fail(new Error(`the server sent ${packet.kind} during the handshake`))
  }

  private finish(welcome: Welcome, session: AuthOk | undefined, resumedRooms?: readonly ResumedRoom[]): void {
    this.end({ wire: this.wire, welcome, session, resumedRooms })
  }

  private giveUp(error: NestwireError): void {
    if (this.isOver) return
    void this.wire.hangUp(CloseCode.Normal)
    this.fail(error)
  }

  private fail(error: NestwireError): void {
    if (!this.isOver) this.end(error)
  }

  private end(outcome: HandshakeResult | NestwireError): void {
    this.isOver = true
    this.alarm.clear()
    this.options.signal?.removeEventListener('abort', this.abort)
    this.onOutcome(outcome)
  }
}
