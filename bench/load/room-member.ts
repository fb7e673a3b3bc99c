/** One member on a raw socket: says HELLO, logs in, joins one room, confirms what it reads, and checks every delivery. */
import { connect, type Socket } from 'node:net'
import { Feature, MAX_FRAME_BYTES_CEILING, PROTOCOL_VERSION } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { RoomId } from '../../src/protocol/ids.js'
import type { Packet, RoomRecord } from '../../src/protocol/packets.js'
import type { SourceAddress } from './source-address.js'

/** Judges what a member gets; the index is that of a message that had not come before. */
export interface RecordCheck {
  startAfter(seq: number): void
  accept(record: RoomRecord): number | undefined
}

export interface MemberOptions {
  readonly port: number
  readonly source: SourceAddress
  readonly room: RoomId
  readonly token: string
  readonly check: RecordCheck
  /** A message came for the first time. */
  readonly onMessage: (index: number) => void
}

const HELLO = encodePacket({
  kind: 'hello',
  minVersion: PROTOCOL_VERSION,
  maxVersion: PROTOCOL_VERSION,
  features: Feature.Positions,
  agent: 'nestwire-bench',
})
/** How much a member reads before it says so. */
const CONFIRM_EVERY_BYTES = 64 * 1024

export class RoomMember {
  /** Why it is out of the room, if it is. */
  fault: string | undefined
  /** Whether the server takes positions. */
  confirms = false
  private receivedBytes = 0
  private confirmedBytes = 0
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private readonly socket: Socket
  private settle: { resolve(): void; reject(error: Error): void } | undefined

  constructor(private readonly options: MemberOptions) {
    const { port, source } = options
    this.socket = connect({ host: '127.0.0.1', port, ...source, noDelay: true })
    this.socket.on('connect', () => this.socket.write(HELLO))
    this.socket.on('data', (chunk) => this.receive(chunk))
    this.socket.on('error', (error) => this.fail(String(error)))
    this.socket.on('close', () => this.fail('the server hung up'))
  }

  /** Resolves once it is in the room. */
  joined(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
  }

  /** Reads nothing more, as a client that hangs; the connection stays. */
  freeze(): void {
    this.socket.pause()
  }

  thaw(): void {
    this.socket.resume()
  }

  private receive(chunk: Buffer): void {
    this.receivedBytes += chunk.length
    this.decoder.push(chunk)
    for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
      this.handle(decodePacket(frame))
    }
    if (this.receivedBytes - this.confirmedBytes >= CONFIRM_EVERY_BYTES) this.confirm()
  }

  private confirm(): void {
    if (!this.confirms) return
    this.confirmedBytes = this.receivedBytes
    this.send({ kind: 'position', receivedBytes: this.receivedBytes, positions: [] })
  }

  private handle(packet: Packet): void {
    const { check, room, token, onMessage } = this.options
    switch (packet.kind) {
      case 'deliver':
        for (const record of packet.records) {
          const index = check.accept(record)
          if (index !== undefined) onMessage(index)
        }
        return
      case 'welcome':
        this.confirms = (packet.features & Feature.Positions) !== 0
        return this.send({ kind: 'auth', correlation: 1, redirects: 0, token })
      case 'authOk':
        return this.send({ kind: 'join', correlation: 1, room })
      case 'joined':
        check.startAfter(packet.seq)
        return this.settle?.resolve()
      case 'ping':
        this.send({ kind: 'pong', correlation: packet.correlation })
        return this.confirm()
      case 'event': // how many members the room has
        return undefined
      default:
        return this.fail(`the server sent ${JSON.stringify(packet)}`)
    }
  }

  private send(packet: Packet): void {
    this.socket.write(encodePacket(packet))
  }

  private fail(fault: string): void {
    this.fault ??= fault
    this.settle?.reject(new Error(this.fault))
    this.socket.destroy()
  }
}
