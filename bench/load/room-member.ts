/** One member on a raw socket: says HELLO, logs in, joins one room, and checks every delivery. */
import { connect, type Socket } from 'node:net'
import { MAX_FRAME_BYTES_CEILING, PROTOCOL_VERSION } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { RoomId } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { DeliveryCheck } from './delivery-check.js'

export interface MemberOptions {
  readonly port: number
  /** The source address: one has ports for fewer than 30,000 connections. */
  readonly localAddress: string
  readonly room: RoomId
  readonly token: string
  readonly check: DeliveryCheck
  /** A message came for the first time. */
  readonly onMessage: (index: number) => void
}

const HELLO = encodePacket({
  kind: 'hello',
  minVersion: PROTOCOL_VERSION,
  maxVersion: PROTOCOL_VERSION,
  features: 0,
  agent: 'nestwire-bench',
})

export class RoomMember {
  /** Why it is out of the room, if it is. */
  fault: string | undefined
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private readonly socket: Socket
  private settle: { resolve(): void; reject(error: Error): void } | undefined

  constructor(private readonly options: MemberOptions) {
    const { port, localAddress } = options
    this.socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
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

  private receive(chunk: Buffer): void {
    this.decoder.push(chunk)
    for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
      this.handle(decodePacket(frame))
    }
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
        return this.send({ kind: 'auth', correlation: 1, redirects: 0, token })
      case 'authOk':
        return this.send({ kind: 'join', correlation: 1, room })
      case 'joined':
        check.startAfter(packet.seq)
        return this.settle?.resolve()
      case 'ping':
        return this.send({ kind: 'pong', correlation: packet.correlation })
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
