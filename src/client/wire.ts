/**
 * One socket as packets: bytes to packets and back, ordered, bounded, and one way to end. Knows no calls and no
 * handshake. Whatever a packet leads to happens inside `onPacket`, before the next packet is decoded.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { CloseCode } from '../protocol/close-codes.js'
import { HEADER_BYTES, MAX_HANDSHAKE_FRAME_BYTES } from '../protocol/constants.js'
import { decodePacket } from '../protocol/decode-packet.js'
import { encodePacket } from '../protocol/encode-packet.js'
import { FrameDecoder } from '../protocol/frame-decoder.js'
import type { Packet } from '../protocol/packets.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { ClientError, ConnectionClosedError, connectionError, type NestwireError } from './errors.js'
import { Outgoing } from './outgoing.js'

export interface WireListener {
  onPacket(packet: Packet): void
  /** The wire ended by itself. At most once; no packet comes after it. */
  onLost(error: NestwireError): void
}

interface WireOptions {
  readonly clock: Clock
  readonly maxOutboxBytes: number
}

/** How long the other side may take to hang up before the socket is cut. */
const CLOSE_LINGER_MS = 1000
/** The server's window is a few times this. */
const CONFIRM_EVERY_BYTES = 64 * 1024
/** To a slow reader 64 KiB take minutes, after seconds of which the server would think that it does not read. */
const CONFIRM_EVERY_MS = 5_000
/** Less is not worth a packet. */
const CONFIRM_LEAST_BYTES = 1024

export class Wire {
  /** Largest payload the server takes; live. */
  maxSendPayloadBytes = MAX_HANDSHAKE_FRAME_BYTES
  /** Clock uptime when bytes last came. */
  heardAtMs: number
  /** True where the server wants to hear by POSITION how much was read. */
  confirms = false
  private receivedBytes = 0
  private confirmedBytes = 0
  private confirmedAtMs: number
  private readonly decoder = new FrameDecoder(MAX_HANDSHAKE_FRAME_BYTES)
  private readonly outgoing: Outgoing
  private readonly gone: Promise<void>
  private isOpen = true
  private isPumping = false
  private isHeld = false
  /** Nothing more comes: what was read is handed over, also while reading is held. */
  private isHearingOut = false

  constructor(
    readonly socket: Socket,
    private readonly options: WireOptions,
    public listener: WireListener,
  ) {
    this.outgoing = new Outgoing(socket, options.maxOutboxBytes)
    this.heardAtMs = options.clock.uptimeMs()
    this.confirmedAtMs = this.heardAtMs
    this.gone = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('data', (chunk: Buffer) => this.hear(chunk))
    socket.on('end', () => {
      this.hearOut()
      this.lose(this.errorAtEnd())
    })
    socket.on('error', (error) => {
      this.hearOut()
      this.lose(connectionError(error, 'CONNECTION_LOST'))
    })
    socket.on('close', () => this.lose(new ConnectionClosedError('CONNECTION_LOST', 'the connection was lost')))
  }

  get isPaused(): boolean {
    return this.isHeld
  }

  /** Frames of the server may be this large from now on; never lowered, since larger ones may be on their way. */
  raiseReceiveLimit(maxPayloadBytes: number): void {
    this.decoder.maxPayloadBytes = Math.max(this.decoder.maxPayloadBytes, maxPayloadBytes)
  }

  /** Queues one packet; throws a `ClientError` and sends nothing if it does not fit. */
  send(packet: Packet): void {
    const frame = encode(packet)
    const payloadBytes = frame.length - HEADER_BYTES
    if (payloadBytes > this.maxSendPayloadBytes) {
      const detail = `the packet has ${payloadBytes} bytes, the server takes ${this.maxSendPayloadBytes}`
      throw new ClientError('FRAME_TOO_LARGE', detail)
    }
    if (!this.outgoing.offer(frame)) {
      throw new ClientError('OUTBOX_FULL', `more than ${this.options.maxOutboxBytes} bytes wait to be written`)
    }
  }

  /** For PING, PONG, CANCEL: small, few, never refused. */
  sendControl(packet: Packet): void {
    if (this.isOpen) this.outgoing.push(encodePacket(packet))
  }

  /** Tells the server what was read so far, if it wants to know and does not yet: it sends on only as it hears. */
  confirm(): void {
    if (!this.confirms || this.receivedBytes === this.confirmedBytes) return
    this.confirmedBytes = this.receivedBytes
    this.confirmedAtMs = this.heardAtMs
    this.sendControl({ kind: 'position', receivedBytes: this.receivedBytes, positions: [] })
  }

  /** More than half of what may wait does: who can wait should. */
  get isHalfFull(): boolean {
    return this.outgoing.isHalfFull
  }

  /** Whether `send` takes a frame of so many bytes; true if nothing waits, since waiting would be in vain then. */
  hasRoomFor(frameBytes: number): boolean {
    return this.outgoing.hasRoomFor(frameBytes)
  }

  /** Resolves when more of what waits was handed to the system, or the wire has ended. */
  whenRoom(): Promise<void> {
    return this.outgoing.whenRoom()
  }

  /** True once what is sent next is handed to the system, false if the wire ended first. Ask before it is sent: it may leave at once. */
  whenWritten(): Promise<boolean> {
    return this.outgoing.whenWritten()
  }

  /** No packet comes until `resume`, or the end of the wire: then what was read already, a chunk at most, comes before it. */
  pause(): void {
    if (!this.isOpen) return
    this.isHeld = true
    this.socket.pause()
  }

  /** Goes on with what was read already, then reads. */
  resume(): void {
    if (!this.isHeld) return
    this.isHeld = false
    // Silence was ours until now.
    this.heardAtMs = this.options.clock.uptimeMs()
    this.pump()
    if (!this.isHeld) this.socket.resume()
  }

  /** Writes what waits and CLOSE, then FIN; only FIN without a code. Resolves when the socket is gone, at most a second later. */
  hangUp(code?: CloseCode): Promise<void> {
    if (!this.isOpen) return this.gone
    this.isOpen = false
    const stopTimer = this.options.clock.every(CLOSE_LINGER_MS, () => this.socket.destroy())
    void this.gone.then(stopTimer)
    if (code === undefined) this.outgoing.abandon()
    else this.outgoing.push(encodePacket({ kind: 'close', code, retryAfterMs: 0, target: '', message: '' }))
    this.outgoing.flush()
    this.socket.end()
    // What still comes is dropped, but it must be read for the end to be seen.
    this.socket.resume()
    return this.gone
  }

  destroy(): void {
    this.isOpen = false
    this.outgoing.abandon()
    this.socket.destroy()
  }

  private hear(chunk: Buffer): void {
    if (!this.isOpen) return
    this.heardAtMs = this.options.clock.uptimeMs()
    this.receivedBytes += chunk.length
    this.decoder.push(chunk)
    this.pump()
    if (this.isConfirmationDue) this.confirm()
  }

  private get isConfirmationDue(): boolean {
    const bytes = this.receivedBytes - this.confirmedBytes
    const isLate = this.heardAtMs - this.confirmedAtMs >= CONFIRM_EVERY_MS
    return bytes >= CONFIRM_EVERY_BYTES || (bytes >= CONFIRM_LEAST_BYTES && isLate)
  }

  /** The end of a stream may be in it, and CLOSE with where to go instead. */
  private hearOut(): void {
    this.isHearingOut = true
    this.pump()
  }

  private pump(): void {
    if (this.isPumping) return
    this.isPumping = true
    try {
      while (this.isOpen && (!this.isHeld || this.isHearingOut)) {
        const packet = this.read()
        if (packet === undefined) break
        this.listener.onPacket(packet)
      }
    } finally {
      this.isPumping = false
    }
  }

  private read(): Packet | undefined {
    try {
      const frame = this.decoder.next()
      return frame && decodePacket(frame)
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  /** The server sent what is not the protocol: tells it so and ends. */
  fail(cause: unknown): void {
    if (!this.isOpen) return
    const message = cause instanceof Error ? cause.message : String(cause)
    void this.hangUp(cause instanceof ProtocolError ? cause.closeCode : undefined)
    this.listener.onLost(new ConnectionClosedError('PROTOCOL_ERROR', message, { cause }))
  }

  private errorAtEnd(): NestwireError {
    try {
      this.decoder.end()
      return new ConnectionClosedError('CONNECTION_LOST', 'the server hung up')
    } catch (cause) {
      return new ConnectionClosedError('CONNECTION_LOST', 'the server hung up inside a frame', { cause })
    }
  }

  private lose(error: NestwireError): void {
    if (!this.isOpen) return
    this.destroy()
    this.listener.onLost(error)
  }
}

function encode(packet: Packet): Buffer {
  try {
    return encodePacket(packet)
  } catch (cause) {
    throw new ClientError('BAD_FIELD', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
