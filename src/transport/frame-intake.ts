/**
 * The reading half of a connection: chunks in, packets out one by one, until the owner says hold. What is held stays
 * where it is: at most the chunk in hand here, the rest in the kernel, since the socket is paused.
 */
import type { Socket } from 'node:net'
import { HEADER_BYTES } from '../protocol/constants.js'
import { decodePacket } from '../protocol/decode-packet.js'
import { FrameDecoder } from '../protocol/frame-decoder.js'
import type { Packet } from '../protocol/packets.js'
import type { ObservedTimes } from './connection-deadlines.js'
import { InboundPace, type PaceLimits } from './inbound-pace.js'
import type { TransportCounters } from './transport-counters.js'
import type { TurnShare } from './turn-share.js'

export interface PacketSink {
  /** True while no further packet may be handled. */
  readonly mustHold: boolean
  /** True when enough room has come back to go on; stricter than `!mustHold`, so that reading does not flap. */
  readonly mayRelease: boolean
  /** `undefined`: it is read as fast as it sends. */
  readonly paceLimits: PaceLimits | undefined
  handlePacket(packet: Packet): void
  /** Goes on with what is held, if it may. */
  release(): void
}

export class FrameIntake {
  /** Last moment we heard, or could have heard, a byte. */
  heardAtMs: number
  /** Since when a frame is incomplete; -1 = none is. */
  halfFrameSinceMs = -1
  /** Since the connection began. */
  frames = 0
  private readonly decoder: FrameDecoder
  private readonly pace: InboundPace
  private isPaused = false
  private isPumping = false
  private isAwaitingTurn = false
  /** Nothing but the turn stood in the way: with more requests in flight than `mayRelease` wants it is read on, too. */
  private isHeldForTurn = false
  private hasEnded = false
  private unheardLimits = 0

  constructor(
    private readonly socket: Socket,
    private readonly sink: PacketSink,
    private readonly counters: TransportCounters,
    private readonly turns: TurnShare,
    start: { readonly maxPayloadBytes: number; readonly nowMs: number },
  ) {
    this.decoder = new FrameDecoder(start.maxPayloadBytes)
    this.heardAtMs = start.nowMs
    this.pace = new InboundPace(start.nowMs)
  }

  get isHeld(): boolean {
    return this.isPaused
  }

  /** Frames may be this large from now on. */
  set maxPayloadBytes(bytes: number) {
    this.decoder.maxPayloadBytes = bytes
  }

  /**
   * The limit is another. A larger one counts at once, a smaller one not before the client has heard of it, which
   * `limitWasHeard` tells: what was sent before is still taken. True if that must be asked.
   */
  changeLimit(maxPayloadBytes: number): boolean {
    const isSmaller = maxPayloadBytes < this.decoder.maxPayloadBytes
    if (isSmaller) this.unheardLimits += 1
    else this.decoder.maxPayloadBytes = maxPayloadBytes
    return isSmaller
  }

  /** Only the last of several answers means the limit of now. */
  limitWasHeard(maxPayloadBytes: number): void {
    if (this.unheardLimits === 0) return
    this.unheardLimits -= 1
    if (this.unheardLimits === 0) this.decoder.maxPayloadBytes = maxPayloadBytes
  }

  /** @throws ProtocolError for bytes that no client may send */
  receive(chunk: Buffer, nowMs: number): void {
    this.heardAtMs = nowMs
    this.counters.bytesReceived += chunk.length
    const hadFullFrames = !this.decoder.isMidFrame
    this.decoder.push(chunk)
    const handled = this.pump(nowMs)
    if (!this.decoder.isMidFrame) this.halfFrameSinceMs = -1
    else if (hadFullFrames || handled > 0) this.halfFrameSinceMs = nowMs
  }

  /** When the connection must be looked at: for a frame that is not finished, or to read on after it sent too fast. */
  dueAtMs(halfFrameTimeoutMs: number): number {
    const byHalfFrameMs = this.halfFrameSinceMs < 0 ? Infinity : this.halfFrameSinceMs + halfFrameTimeoutMs
    return Math.min(byHalfFrameMs, this.pacedUntilMs)
  }

  /** When it may be read again, as far as its pace goes; `Infinity` while nothing is held for that. */
  get pacedUntilMs(): number {
    const limits = this.sink.paceLimits
    return this.isPaused && limits !== undefined ? this.pace.fullUntilMs(limits) : Infinity
  }

  /** What its connection's deadlines go by. */
  get times(): Pick<ObservedTimes, 'heardAtMs' | 'halfFrameSinceMs' | 'isHeld' | 'pacedUntilMs'> {
    const { heardAtMs, halfFrameSinceMs, isHeld, pacedUntilMs } = this
    return { heardAtMs, halfFrameSinceMs, isHeld, pacedUntilMs }
  }

  /** Goes on after a hold if there is room again. While held, silence was ours: the clocks start anew. */
  release(nowMs: number): void {
    if (!this.isPaused || this.isPumping || this.isAwaitingTurn) return
    const hasRoom = this.isHeldForTurn ? !this.sink.mustHold : this.sink.mayRelease
    this.isHeldForTurn = false
    if (!hasRoom || this.isTooFast(nowMs)) return
    this.isPaused = false
    this.counters.held -= 1
    this.heardAtMs = nowMs
    this.pump(nowMs)
    // The frame that was begun before the hold may be finished, and another one begun behind it.
    this.halfFrameSinceMs = this.decoder.isMidFrame ? nowMs : -1
    if (!this.isPaused) this.socket.resume()
  }

  /** @throws ProtocolError if the stream ends inside a frame */
  end(): void {
    this.decoder.end()
  }

  /** The connection is over: what comes now is thrown away, and nothing is held any more. */
  close(): void {
    this.hasEnded = true
    if (this.isPaused) this.counters.held -= 1
    this.isPaused = false
  }

  private isTooFast(nowMs: number): boolean {
    const limits = this.sink.paceLimits
    return limits !== undefined && this.pace.isExceeded(limits, nowMs)
  }

  private pump(nowMs: number): number {
    let handled = 0
    const most = this.turns.share()
    this.isPumping = true
    try {
      for (;;) {
        if (handled === most) {
          this.hold()
          this.waitForTurn()
          break
        }
        const isTooFast = this.isTooFast(nowMs)
        if (isTooFast || this.sink.mustHold) {
          if (isTooFast) this.counters.paced += 1
          this.hold()
          break
        }
        const frame = this.decoder.next()
        if (frame === undefined) break
        handled += 1
        this.frames += 1
        this.pace.count(frame.payload.length + HEADER_BYTES)
        const packet = decodePacket(frame)
        this.counters.framesReceived += 1
        this.sink.handlePacket(packet)
      }
    } finally {
      this.isPumping = false
    }
    return handled
  }

  private waitForTurn(): void {
    this.isAwaitingTurn = true
    this.isHeldForTurn = true
    this.turns.next(() => {
      this.isAwaitingTurn = false
      this.sink.release()
    })
  }

  private hold(): void {
    if (this.isPaused || this.hasEnded) return
    this.isPaused = true
    this.counters.held += 1
    this.socket.pause()
  }
}
