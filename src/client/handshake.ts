/** From a TCP connect to AUTH_OK (WELCOME, where the server asks for no authentication), under one deadline. */
import { connect, type Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { Feature, MAX_FRAME_BYTES_CEILING, PROTOCOL_VERSION } from '../protocol/constants.js'
import type { AuthOk, Close, ErrorPacket, Packet, Welcome, WireLimits } from '../protocol/packets.js'
import { Alarm } from './alarm.js'
import { ClientError, NestwireError, ServerClosedError, ServerError, TimeoutError } from './errors.js'
import { Wire, type WireListener } from './wire.js'

interface HandshakeOptions {
  readonly host: string
  readonly port: number
  readonly token: string | undefined
  readonly agent: string
  readonly connectTimeoutMs: number
  readonly maxOutboxBytes: number
  readonly clock: Clock
}

export interface HandshakeResult {
  readonly wire: Wire
  readonly welcome: Welcome
  /** `undefined` where the server asks for no authentication. */
  readonly session: AuthOk | undefined
}

/** Called once, inside the handling of the last packet: the wire's listener must be replaced before it returns. */
type HandshakeOutcome = (result: HandshakeResult | NestwireError) => void

export function shakeHands(options: HandshakeOptions, onOutcome: HandshakeOutcome): void {
  const { host, port } = options
  let socket: Socket
  try {
    socket = connect({ host, port, noDelay: true })
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    return onOutcome(new ClientError('BAD_FIELD', message, { cause }))
  }
  new Handshake(socket, options, onOutcome).start()
}

const AUTH_CORRELATION = 1
/** May come at any time after WELCOME, and mean nothing yet. */
const skipped: ReadonlySet<Packet['kind']> = new Set(['goAway', 'gap', 'ticket'])

class Handshake implements WireListener {
  private readonly wire: Wire
  private readonly alarm: Alarm
  private welcome: Welcome | undefined
  private isOver = false

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
    this.alarm.setBy(this.options.clock.uptimeMs() + this.options.connectTimeoutMs)
    this.wire.socket.once('connect', () => {
      const versions = { minVersion: PROTOCOL_VERSION, maxVersion: PROTOCOL_VERSION }
      this.trySend({ kind: 'hello', ...versions, features: Feature.Positions, agent: this.options.agent })
    })
  }

  onPacket(packet: Packet): void {
    if (this.isOver) return
    if (packet.kind === 'welcome') return this.onWelcome(packet)
    if (packet.kind === 'authOk' && this.welcome !== undefined) return this.finish(this.welcome, packet)
    if (packet.kind === 'limits') return this.onLimits(packet.limits)
    if (packet.kind === 'ping') return this.wire.sendControl({ kind: 'pong', correlation: packet.correlation })
    if (packet.kind === 'error' || packet.kind === 'close') return this.onRefusal(packet)
    if (!skipped.has(packet.kind)) this.refuse(packet)
  }

  onLost(error: NestwireError): void {
    this.fail(error)
  }

  private onWelcome(welcome: Welcome): void {
    if (this.welcome !== undefined || welcome.version !== PROTOCOL_VERSION) return this.refuse(welcome)
    this.welcome = welcome
    this.wire.confirms = (welcome.features & Feature.Positions) !== 0
    this.wire.raiseReceiveLimit(welcome.limits.maxFrameBytes ?? MAX_FRAME_BYTES_CEILING)
    const { token } = this.options
    if (welcome.authentication === 'none') return this.finish(welcome, undefined)
    if (token === undefined) return this.giveUp(new ClientError('TOKEN_REQUIRED', 'the server wants a token'))
    this.trySend({ kind: 'auth', correlation: AUTH_CORRELATION, redirects: 0, token })
  }

  private onLimits(limits: WireLimits): void {
    if (this.welcome !== undefined) this.welcome = { ...this.welcome, limits: { ...this.welcome.limits, ...limits } }
  }

  private onRefusal(packet: ErrorPacket | Close): void {
    void this.wire.hangUp()
    if (packet.kind === 'close') this.fail(new ServerClosedError(packet))
    else this.fail(new ServerError(packet.code, packet.message, packet.retryAfterMs, undefined))
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

  private finish(welcome: Welcome, session: AuthOk | undefined): void {
    this.isOver = true
    this.alarm.clear()
    this.onOutcome({ wire: this.wire, welcome, session })
  }

  private giveUp(error: NestwireError): void {
    void this.wire.hangUp(CloseCode.Normal)
    this.fail(error)
  }

  private fail(error: NestwireError): void {
    if (this.isOver) return
    this.isOver = true
    this.alarm.clear()
    this.onOutcome(error)
  }
}
