/**
 * TLS, before there is a connection. A socket that was accepted is read until it says something, like any other
 * (`ArrivalLine`), and only then gets the state of TLS, many times as large as the socket; a bounded number of them shake
 * hands at once, shared out by address (`HandshakeSlots`), and few begin in one turn of the event loop. What comes out is a
 * `TLSSocket`, which is a socket like any other to the connection on it.
 *
 * `node:tls` is given sockets one by one instead of a port: its own server would neither count nor pace those that have
 * not finished. Certificates are judged here and not by the handshake, so that who is refused gets a CLOSE that says why.
 */
import { constants, X509Certificate } from 'node:crypto'
import { createServer, type Server as TlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock.js'
import { CloseCode } from '../protocol/close-codes.js'
import { refuse, type Accepted } from './accepted.js'
import { ArrivalLine } from './arrival-line.js'
import { certificateRefusal } from './client-certificate.js'
import type { Refusal } from './connection-gate.js'
import { HandshakeSlots, PATIENCE_MS } from './handshake-slots.js'
import { TlsCounters } from './tls-counters.js'
import { endpointOf, TlsEntrant } from './tls-entrant.js'
import type { Timed, TimerWheel } from './timer-wheel.js'
import type { LimitsSource } from './transport-limits.js'

/** First byte of a TLS handshake; that of a frame is 0xde. */
const TLS_HANDSHAKE = 0x16
/** The answer to a ClientHello takes 0.7 to 1 ms (ECDSA P-256, `npm run bench -- tls`), in which nobody else is served. */
const BEGUN_PER_TURN = 4
/** Whom nobody lets in holds as many handshakes, all together, as one address. */
const REFUSED = 'refused'

interface TlsDoorParts {
  readonly clock: Pick<Clock, 'every'>
  readonly wheel: TimerWheel
  readonly limits: LimitsSource
  /** Past the handshake, and not read yet; or still the plain socket, if there is a refusal to be told in plain text. */
  readonly onEntered: (accepted: Accepted) => void
}

export class TlsDoor {
  readonly counters = new TlsCounters()
  private readonly line: ArrivalLine
  private readonly entrants = new Map<string, TlsEntrant>()
  /** Of those who have spoken. */
  private readonly slots = new HandshakeSlots<TlsEntrant>()
  /** If nothing happens that makes room, somebody will have taken too long. */
  private readonly nextLook: Timed = { wheelSlot: -1, dueAtMs: 0, onDue: () => this.admitSoon() }
  private refused = 0
  private isAdmitting = false
  private tls: TlsServer | undefined
  private endsAtMs: number | undefined

  constructor(private readonly parts: TlsDoorParts) {
    this.line = new ArrivalLine(parts.clock)
  }

  /** False: clients speak plain text here. */
  get isOn(): boolean {
    return this.tls !== undefined
  }

  /** Sockets that are on their way through. */
  get size(): number {
    return this.entrants.size
  }

  /** Of these, those that will be told that they may not stay. */
  get refusedCount(): number {
    return this.refused
  }

  /** For handshakes that begin from now on; throws, and changes nothing, for keys and certificates that cannot be used. */
  use(options: TlsOptions | undefined): void {
    const tls = options && this.makeServer(options)
    this.endsAtMs = endOf(options?.cert)
    this.tls = tls
    // Nobody is left to shake hands with. Cut, and not told a code for which a client would give up.
    if (tls === undefined) this.close()
  }

  /** Unix milliseconds after which our certificate is not good any more; `undefined` without TLS, or if it is not given as one PEM. */
  get certificateEndsAtMs(): number | undefined {
    return this.endsAtMs
  }

  enter(accepted: Accepted): void {
    const { wheel, limits } = this.parts
    const { socket, openedAtMs } = accepted
    const endpoint = endpointOf(socket)
    // Gone already.
    if (endpoint === undefined) return leave(accepted)
    // Of one that is not read a reset goes unnoticed, and whoever comes then may have the same port.
    const before = this.entrants.get(endpoint)
    if (before !== undefined) this.gone(before)
    const entrant = new TlsEntrant(endpoint, accepted, this)
    this.entrants.set(endpoint, entrant)
    if (accepted.entry.kind === 'refused') this.refused += 1
    wheel.schedule(entrant, openedAtMs + limits.current.handshakeTimeoutMs)
    this.line.add(entrant)
  }

  /** Cuts everybody who is not through. */
  close(): void {
    for (const entrant of this.entrants.values()) this.cut(entrant)
    this.parts.wheel.cancel(this.nextLook)
  }

  /** The first bytes are in the socket again. */
  spoke(entrant: TlsEntrant, firstByte: number | undefined): void {
    this.line.leave(entrant)
    if (firstByte === TLS_HANDSHAKE) {
      this.slots.wait(entrant, partyOf(entrant.accepted))
      return this.admitSoon()
    }
    this.counters.plainText += 1
    this.forget(entrant)
    this.parts.onEntered(refuse(entrant.accepted, PLAIN_TEXT))
  }

  overdue(entrant: TlsEntrant): void {
    this.counters.timedOut += 1
    this.cut(entrant)
    this.admitSoon()
  }

  gone(entrant: TlsEntrant): void {
    if (this.slots.isShaking(entrant)) this.counters.failed += 1
    this.cut(entrant)
    this.admitSoon()
  }

  /** In the next turn of the event loop, and the one after it, until nobody waits or nobody gives way. */
  private admitSoon(): void {
    if (this.isAdmitting || !this.slots.isAnyoneWaiting) return
    this.isAdmitting = true
    setImmediate(() => {
      this.isAdmitting = false
      this.admitSome()
    })
  }

  private admitSome(): void {
    const { wheel, limits } = this.parts
    for (let begun = 0; begun < BEGUN_PER_TURN; begun += 1) {
      const turn = this.slots.next(limits.current.maxTlsHandshakes, wheel.nowMs)
      if (turn === undefined) return this.lookAgain()
      const { begins, givesWay } = turn
      if (givesWay !== undefined) {
        this.counters[givesWay.why === 'tooSlow' ? 'timedOut' : 'gaveWay'] += 1
        this.cut(givesWay.entrant)
      }
      this.begin(begins)
    }
    this.admitSoon()
  }

  private begin(entrant: TlsEntrant): void {
    this.slots.begin(entrant, this.parts.wheel.nowMs)
    this.counters.underWay = this.slots.held
    const { socket } = entrant.accepted
    // Who hangs up in the middle is gone.
    socket.allowHalfOpen = false
    this.tls?.emit('connection', socket)
  }

  private lookAgain(): void {
    const { wheel } = this.parts
    if (this.slots.isAnyoneWaiting && this.nextLook.wheelSlot < 0)
      wheel.schedule(this.nextLook, wheel.nowMs + PATIENCE_MS)
  }

  private cut(entrant: TlsEntrant): void {
    this.forget(entrant)
    leave(entrant.accepted)
  }

  private forget(entrant: TlsEntrant): void {
    entrant.letGo()
    this.parts.wheel.cancel(entrant)
    this.line.leave(entrant)
    this.slots.leave(entrant)
    this.counters.underWay = this.slots.held
    if (this.entrants.delete(entrant.endpoint) && entrant.accepted.entry.kind === 'refused') this.refused -= 1
  }

  private makeServer(options: TlsOptions): TlsServer {
    const { requestCert = false, rejectUnauthorized = true } = options
    const judge = requestCert ? (socket: TLSSocket) => certificateRefusal(socket, rejectUnauthorized) : () => undefined
    // In TLS 1.2 a client could begin anew with another certificate, which nobody here would judge.
    const secureOptions = (options.secureOptions ?? 0) | constants.SSL_OP_NO_RENEGOTIATION
    const tls = createServer({ ...options, secureOptions, rejectUnauthorized: false, pauseOnConnect: true })
    tls.on('secureConnection', (socket) => this.secured(socket, judge(socket)))
    return tls
  }

  private secured(socket: TLSSocket, refusal: Refusal | undefined): void {
    const entrant = this.entrants.get(endpointOf(socket) ?? '')
    // It was cut while its last bytes were read.
    if (entrant === undefined) return void socket.destroy()
    this.counters.secured += 1
    if (socket.isSessionReused()) this.counters.resumed += 1
    if (refusal !== undefined) this.counters.certificatesRefused += 1
    this.forget(entrant)
    // From here on a client that ends its side still gets its answers.
    socket.allowHalfOpen = true
    const accepted = { ...entrant.accepted, socket }
    this.parts.onEntered(refusal === undefined ? accepted : refuse(accepted, refusal))
    this.admitSoon()
  }
}

const PLAIN_TEXT: Refusal = {
  kind: 'refused',
  code: CloseCode.BadMagic,
  message: 'this port speaks TLS',
  retryAfterMs: 0,
}

function leave({ socket, entry }: Accepted): void {
  if (entry.kind === 'passed') entry.leave()
  socket.destroy()
}

const partyOf = ({ entry }: Accepted): string | undefined => (entry.kind === 'refused' ? REFUSED : entry.party)

const endOf = (cert: TlsOptions['cert']): number | undefined =>
  typeof cert === 'string' || Buffer.isBuffer(cert) ? Date.parse(new X509Certificate(cert).validTo) : undefined
