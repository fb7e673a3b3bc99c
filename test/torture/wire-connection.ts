/** One connection of the torture: a socket and the codec, packets in, packets out. */
import { connect, type Socket } from 'node:net'
import { HEADER_BYTES, MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import type { Packet } from '../../src/protocol/packets.js'

export interface WireOwner {
  opened(): void
  /** Not called any more once `closed` was. */
  received(packet: Packet): void
  /** Once, however it ended. */
  closed(): void
  /** The server sent something that is no packet. */
  misread(error: unknown): void
}

/** Of an attempt to connect, and of silence after it. */
const DEFAULT_SILENCE_MS = 10_000
const CONFIRM_BYTES = 64 * 1024

export class WireConnection {
  private readonly socket: Socket
  private readonly decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  private receivedBytes = 0
  private confirmedBytes = 0
  private isOver = false

  constructor(
    port: number,
    private readonly owner: WireOwner,
    silenceMs = DEFAULT_SILENCE_MS,
  ) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.setTimeout(silenceMs, () => this.cut())
    this.socket.on('connect', () => owner.opened())
    this.socket.on('data', (chunk) => this.take(chunk))
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => this.end())
  }

  send(...packets: Packet[]): void {
    if (!this.isOver) this.socket.write(Buffer.concat(packets.map(encodePacket)))
  }

  /** How far the server may believe this to have read. */
  confirm(): void {
    this.confirmedBytes = this.receivedBytes
    this.send({ kind: 'position', receivedBytes: this.receivedBytes, positions: [] })
  }

  /** Without a word; what is under way either way is lost. */
  cut(): void {
    this.socket.resetAndDestroy()
    this.end()
  }

  pause(): void {
    this.socket.pause()
  }

  readOn(): void {
    this.socket.resume()
  }

  private take(chunk: Buffer): void {
    try {
      this.decoder.push(chunk)
      for (let frame = this.decoder.next(); frame !== undefined && !this.isOver; frame = this.decoder.next()) {
        this.receivedBytes += HEADER_BYTES + frame.payload.length
        this.owner.received(decodePacket(frame))
      }
    } catch (error) {
      this.owner.misread(error)
      this.cut()
      return
    }
    if (this.receivedBytes - this.confirmedBytes >= CONFIRM_BYTES) this.confirm()
  }

  private end(): void {
    if (this.isOver) return
    this.isOver = true
    this.owner.closed()
  }
}
