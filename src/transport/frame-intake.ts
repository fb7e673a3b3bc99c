/**
 * The reading half of a connection: chunks in, packets out one by one, until the owner says hold. What is held stays
 * where it is: at most the chunk in hand here, the rest in the kernel, since the socket is paused.
 */
import type { Socket } from 'node:net'
import { decodePacket } from '../protocol/decode-packet.js'
import { FrameDecoder } from '../protocol/frame-decoder.js'
import type { Packet } from '../protocol/packets.js'

export interface PacketSink {
  /** True while no further packet may be handled. */
  readonly mustHold: boolean
  /** True when enough room has come back to go on; stricter than `!mustHold`, so that reading does not flap. */
  readonly mayRelease: boolean
  handlePacket(packet: Packet): void
}

export class FrameIntake {
  /** Last moment we heard, or could have heard, a byte. */
  heardAtMs: number
  /** Since when a frame is incomplete; -1 = none is. */
  halfFrameSinceMs = -1
  private readonly decoder: FrameDecoder
  private isPaused = false
  private isPumping = false

  constructor(
    private readonly socket: Socket,
    private readonly sink: PacketSink,
    start: { readonly maxPayloadBytes: number; readonly nowMs: number },
  ) {
    this.decoder = new FrameDecoder(start.maxPayloadBytes)
    this.heardAtMs = start.nowMs
  }

  get isHeld(): boolean {
    return this.isPaused
  }

  set maxPayloadBytes(bytes: number) {
    this.decoder.maxPayloadBytes = bytes
  }

  /** @throws ProtocolError for bytes that no client may send */
  receive(chunk: Buffer, nowMs: number): void {
    this.heardAtMs = nowMs
    const hadFullFrames = !this.decoder.isMidFrame
    this.decoder.push(chunk)
    const handled = this.pump()
    if (!this.decoder.isMidFrame) this.halfFrameSinceMs = -1
    else if (hadFullFrames || handled > 0) this.halfFrameSinceMs = nowMs
  }

  /** Goes on after a hold if there is room again. While held, silence was ours: the clocks start anew. */
  release(nowMs: number): void {
    if (!this.isPaused || this.isPumping || !this.sink.mayRelease) return
    this.isPaused = false
    this.heardAtMs = nowMs
    if (this.decoder.isMidFrame) this.halfFrameSinceMs = nowMs
    this.pump()
    if (!this.isPaused) this.socket.resume()
  }

  /** @throws ProtocolError if the stream ends inside a frame */
  end(): void {
    this.decoder.end()
  }

  private pump(): number {
    let handled = 0
    this.isPumping = true
    try {
      for (;;) {
        if (this.sink.mustHold) {
          this.hold()
          break
        }
        const frame = this.decoder.next()
        if (frame === undefined) break
        handled += 1
        this.sink.handlePacket(decodePacket(frame))
      }
    } finally {
      this.isPumping = false
    }
    return handled
  }

  private hold(): void {
    if (this.isPaused) return
    this.isPaused = true
    this.socket.pause()
  }
}
