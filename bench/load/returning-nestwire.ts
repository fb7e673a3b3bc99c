/**
 * A Nestwire client that comes back: logs in and joins once, resumes with its ticket and position ever after, keeps the
 * slot that GOAWAY gave it, and sends what was not acknowledged again, with its age. Decodes everything.
 */
import { randomBytes } from 'node:crypto'
import { Backoff } from '../../src/client/backoff.js'
import { ConnectionClosedError, ServerClosedError, type NestwireError } from '../../src/client/errors.js'
import {
  Feature,
  MAX_FRAME_BYTES_CEILING,
  MESSAGE_ID_BYTES,
  Priority,
  PROTOCOL_VERSION,
} from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { Epoch, RoomId, Seq } from '../../src/protocol/ids.js'
import { RecordKind, ResumeOutcome, type Packet } from '../../src/protocol/packets.js'
import { indexedMessage, indexOfBody } from './indexed-message.js'
import type { Heard, ReturningWire } from './returning-wire.js'

interface Unanswered {
  readonly index: number
  readonly messageId: Buffer
  readonly firstSentAtMs: number
}

type PacketOf<Kind extends Packet['kind']> = Extract<Packet, { kind: Kind }>

export interface ReturningNestwireOptions {
  readonly room: RoomId
  readonly token: string
  readonly heard: Heard
}

const CONFIRM_BYTES = 64 * 1024
/** Who is told not to come back is a fault; it does not ask why at once. */
const STOPPED_MS = 30_000
const lost = (): NestwireError => new ConnectionClosedError('CONNECTION_LOST', 'cut off')

export class ReturningNestwire implements ReturningWire {
  isIn = false
  slotMs: number | undefined
  fault: string | undefined
  private decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private position: { readonly epoch: Epoch; readonly seq: Seq } | undefined
  private ticket: Buffer | undefined
  private receivedBytes = 0
  private confirmedBytes = 0
  private ending = lost()
  private readonly backoff = new Backoff(Math.random)
  private lastCorrelation = 0
  private answers: Packet[] = []
  /** By correlation, in the order in which they were sent first. */
  private sent = new Map<number, Unanswered>()

  constructor(private readonly options: ReturningNestwireOptions) {}

  get unanswered(): number {
    return this.sent.size
  }

  open(): Buffer {
    this.decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
    this.receivedBytes = 0
    this.confirmedBytes = 0
    this.ending = lost()
    const [minVersion, maxVersion] = [PROTOCOL_VERSION, PROTOCOL_VERSION]
    const features = Feature.Resume | Feature.Positions
    this.say({ kind: 'hello', minVersion, maxVersion, features, agent: 'nestwire-bench' })
    const { ticket, position } = this
    if (ticket === undefined || position === undefined) this.login()
    else {
      const positions = [{ room: this.options.room, ...position }]
      this.say({ kind: 'resume', correlation: this.correlation(), redirects: 0, ticket, positions })
    }
    return this.takeAnswers() ?? Buffer.alloc(0)
  }

  read(chunk: Buffer): Buffer | undefined {
    this.receivedBytes += chunk.length
    this.decoder.push(Buffer.from(chunk))
    for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
      this.take(decodePacket(frame))
    }
    if (this.receivedBytes - this.confirmedBytes >= CONFIRM_BYTES) this.confirm()
    return this.takeAnswers()
  }

  lost(): void {
    this.isIn = false
    this.slotMs = undefined
  }

  publish(index: number): Buffer | undefined {
    const publication = { index, messageId: randomBytes(MESSAGE_ID_BYTES), firstSentAtMs: performance.now() }
    const correlation = this.correlation()
    this.sent.set(correlation, publication)
    return this.isIn ? encodePacket(this.publication(correlation, publication, undefined)) : undefined
  }

  backoffMs(activeMs: number | undefined): number {
    if (activeMs !== undefined) this.backoff.ended(activeMs)
    const verdict = this.backoff.next(this.ending)
    if (verdict.kind === 'retry') return verdict.delayMs
    this.fault ??= `the server said never: ${this.ending.message}`
    return STOPPED_MS
  }

  private take(packet: Packet): void {
    switch (packet.kind) {
      case 'authOk':
      case 'ticket':
        this.ticket = Buffer.from(packet.ticket)
        return
      case 'resumed':
        this.ticket = Buffer.from(packet.ticket)
        return this.takeResumed(packet)
      case 'joined':
        this.takeJoined(packet)
        return this.enter()
      case 'deliver':
        return this.takeDeliver(packet)
      case 'gap':
        this.position = { epoch: packet.epoch, seq: packet.to }
        return
      case 'ack':
        this.sent.delete(packet.correlation)
        return
      case 'error':
        return this.takeError(packet)
      case 'ping':
        this.say({ kind: 'pong', correlation: packet.correlation })
        return this.confirm()
      case 'goAway':
        this.slotMs = packet.slotMs
        return
      case 'close':
        this.ending = new ServerClosedError(packet)
        return
      case 'welcome':
      case 'limits':
      case 'event':
        return
      default:
        this.fault ??= `the server sent ${packet.kind}`
    }
  }

  private takeResumed({ rooms: [room] }: PacketOf<'resumed'>): void {
    if (room === undefined || room.outcome === ResumeOutcome.NotAMember) this.join()
    else this.enter()
  }

  private takeJoined({ epoch, seq }: PacketOf<'joined'>): void {
    if (this.position !== undefined && this.position.seq < seq) this.fault ??= `joined at ${seq}, not resumed`
    this.position = { epoch, seq }
  }

  private takeDeliver({ epoch, records }: PacketOf<'deliver'>): void {
    for (const { prev, seq, kind, body } of records) {
      const { seq: position = prev } = this.position ?? {}
      if (prev !== position) this.fault ??= `a record after ${prev} came at ${position}`
      this.position = { epoch, seq }
      if (kind === RecordKind.Text) this.options.heard(indexOfBody(body))
    }
  }

  private takeError({ correlation, code, message }: PacketOf<'error'>): void {
    // The ticket was too old: logging in makes another session.
    if (!this.isIn && code === ErrorCode.TicketInvalid) return this.login()
    if (code === ErrorCode.RateLimited && !this.isIn) return
    // Said in the connection's last moment: it is sent again on the next.
    if (code === ErrorCode.Draining) return
    this.sent.delete(correlation)
    this.fault ??= `the server answered ${code}: ${message}`
  }

  private enter(): void {
    this.isIn = true
    const again = this.sent
    this.sent = new Map()
    for (const publication of again.values()) {
      const correlation = this.correlation()
      this.sent.set(correlation, publication)
      const ageMs = Math.ceil(performance.now() - publication.firstSentAtMs)
      this.say(this.publication(correlation, publication, ageMs))
    }
  }

  private publication(
    correlation: number,
    { index, messageId }: Unanswered,
    ageMs: number | undefined,
  ): PacketOf<'publish'> {
    const body = Buffer.from(indexedMessage(index))
    const { room } = this.options
    return { kind: 'publish', correlation, priority: Priority.Normal, ageMs, room, messageId, body }
  }

  private login(): void {
    this.say({ kind: 'auth', correlation: this.correlation(), redirects: 0, token: this.options.token })
    this.join()
  }

  private join(): void {
    this.say({ kind: 'join', correlation: this.correlation(), room: this.options.room })
  }

  private confirm(): void {
    this.confirmedBytes = this.receivedBytes
    this.say({ kind: 'position', receivedBytes: this.receivedBytes, positions: [] })
  }

  private correlation(): number {
    this.lastCorrelation += 1
    return this.lastCorrelation
  }

  private say(packet: Packet): void {
    this.answers.push(packet)
  }

  private takeAnswers(): Buffer | undefined {
    if (this.answers.length === 0) return undefined
    const bytes = Buffer.concat(this.answers.map(encodePacket))
    this.answers = []
    return bytes
  }
}
