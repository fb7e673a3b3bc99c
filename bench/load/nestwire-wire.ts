/**
 * A member of a Nestwire room: HELLO, AUTH and JOIN in one write, then the heads of DELIVER frames. That is enough to
 * count messages whatever the batches are, and to see that every batch follows the one before it: each record's `prev` is
 * the seq before it, and the seqs of a room of texts and joins have no holes. With the positions feature it confirms what
 * it read, as real clients do. One member decodes everything besides.
 */
import { Feature, HEADER_BYTES, PROTOCOL_VERSION } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { Operation } from '../../src/protocol/operations.js'
import type { Packet } from '../../src/protocol/packets.js'
import { BodyJudge } from './body-judge.js'
import { DeliverHead } from './deliver-head.js'
import { encodePublication } from './publication.js'
import type { RoomWire } from './room-wire.js'

export interface NestwireMemberOptions {
  readonly room: RoomId
  readonly token: string
  /** Decodes everything and looks at each body. */
  readonly isDecoding: boolean
  /** Whether other rooms share the log: then a batch may begin later than where the one before it seems to end. */
  readonly hasHoles?: boolean
}

/** A client confirms after each so many bytes read. */
const CONFIRM_BYTES = 64 * 1024
const LENGTH_AT = 12
const head = new DeliverHead()

export class NestwireWire implements RoomWire {
  isJoined = false
  messages = 0
  refusals = 0
  private brokenBy: string | undefined
  private readonly judge: BodyJudge | undefined
  private position = 0
  private skipBytes = 0
  private kept: Buffer | undefined
  private receivedBytes = 0
  private confirmedBytes = 0
  private hasPositions = false
  private answers: Buffer[] | undefined

  constructor(private readonly options: NestwireMemberOptions) {
    this.judge = options.isDecoding ? new BodyJudge() : undefined
  }

  get fault(): string | undefined {
    return this.brokenBy ?? this.judge?.fault
  }

  get greeting(): Buffer {
    const { room, token } = this.options
    return Buffer.concat(
      [
        {
          kind: 'hello',
          minVersion: PROTOCOL_VERSION,
          maxVersion: PROTOCOL_VERSION,
          features: Feature.Positions,
          agent: 'nestwire-bench',
        } as const,
        { kind: 'auth', correlation: 1, redirects: 0, token } as const,
        { kind: 'join', correlation: 2, room } as const,
      ].map((packet: Packet) => encodePacket(packet)),
    )
  }

  read(chunk: Buffer): Buffer | undefined {
    this.receivedBytes += chunk.length
    this.judge?.read(chunk)
    this.walk(chunk)
    if (this.hasPositions && this.receivedBytes - this.confirmedBytes >= CONFIRM_BYTES) this.confirm()
    if (this.answers === undefined) return undefined
    const answer = Buffer.concat(this.answers)
    this.answers = undefined
    return answer
  }

  restart(): void {
    this.messages = 0
    this.refusals = 0
    this.judge?.restart()
  }

  publication(number: number): Buffer {
    return encodePublication(this.options.room, number)
  }

  private walk(chunk: Buffer): void {
    const bytes = this.kept === undefined ? chunk : Buffer.concat([this.kept, chunk])
    this.kept = undefined
    let at = this.skipBytes
    while (at < bytes.length) {
      const next = this.takeFrame(bytes, at)
      if (next < 0) {
        this.kept = Buffer.from(bytes.subarray(at))
        at = bytes.length
      } else at = next
    }
    this.skipBytes = at - bytes.length
  }

  /** Where the next frame begins, perhaps past the end; -1 if there is too little of this one to know what it is. */
  private takeFrame(bytes: Buffer, at: number): number {
    if (bytes.length - at <= HEADER_BYTES) return -1
    const end = at + HEADER_BYTES + bytes.readUInt32BE(at + LENGTH_AT)
    switch (bytes[at + HEADER_BYTES]) {
      case Operation.Deliver:
        return head.read(bytes, at) ? this.takeRecords(end) : -1
      case Operation.Ack:
      case Operation.Event: // how many members the room has
        return end
      default:
        if (end > bytes.length) return -1
        this.takePacket(Buffer.from(bytes.subarray(at, end)))
        return end
    }
  }

  private takeRecords(end: number): number {
    const follows = this.options.hasHoles === true ? head.prev >= this.position : head.prev === this.position
    if (!follows) this.brokenBy ??= `records after ${head.prev} came at ${this.position}`
    this.position = head.prev + head.records
    this.messages += head.records
    return end
  }

  private takePacket(frameBytes: Buffer): void {
    const decoder = new FrameDecoder(frameBytes.length)
    decoder.push(frameBytes)
    const frame = decoder.next()
    if (frame === undefined) throw new Error('a whole frame is no frame')
    this.handle(decodePacket(frame))
  }

  private handle(packet: Packet): void {
    switch (packet.kind) {
      case 'welcome':
        this.hasPositions = (packet.features & Feature.Positions) !== 0
        return
      case 'authOk':
        return
      case 'joined':
        this.position = packet.seq
        this.isJoined = true
        return
      case 'ping':
        this.answer({ kind: 'pong', correlation: packet.correlation })
        if (this.hasPositions) this.confirm()
        return
      case 'error':
        if (this.isJoined) this.refusals += 1
        else this.brokenBy ??= `the server answered ${packet.code}: ${packet.message}`
        return
      default:
        this.brokenBy ??= `the server sent ${JSON.stringify(packet)}`
    }
  }

  private confirm(): void {
    this.confirmedBytes = this.receivedBytes
    this.answer({ kind: 'position', receivedBytes: this.receivedBytes, positions: [] })
  }

  private answer(packet: Packet): void {
    ;(this.answers ??= []).push(encodePacket(packet))
  }
}
