import { decodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { trustedConnectionId } from '../../src/protocol/ids.js'
import type { Packet, RoomRecord } from '../../src/protocol/packets.js'
import type { Grant, Principal } from '../../src/transport/authentication.js'
import type { ConnectionFigures } from '../../src/transport/connection-figures.js'
import type { ConnectionHandle, OfferVerdict } from '../../src/transport/connection-handle.js'

let made = 0

/** A connection without a socket: keeps the frames it was offered, and says `full` while it holds `roomForFrames` unread ones. */
export class RecordingConnection implements ConnectionHandle {
  readonly id = trustedConnectionId(`recording-${++made}`)
  readonly remoteAddress = '127.0.0.1'
  readonly clientCertificate = undefined
  features = 0
  readonly queuedBytes = 0
  readonly isActive = true
  readonly frames: Buffer[] = []
  grant: Grant | undefined
  closeCode: CloseCode | undefined
  onClose: (() => void) | undefined

  private readFrames = 0

  constructor(public roomForFrames = Infinity) {}

  /** What was offered so far is read: there is room again. */
  read(): void {
    this.readFrames = this.frames.length
  }

  whenRoom(): () => void {
    throw new Error('nothing streams here')
  }

  readyToDeliver(): boolean {
    return this.closeCode === undefined && this.frames.length - this.readFrames < this.roomForFrames
  }

  deliver(frame: Buffer): OfferVerdict {
    return this.offer(frame)
  }

  deliverOrDrop(frame: Buffer): OfferVerdict {
    return this.offer(frame)
  }

  get figures(): ConnectionFigures {
    return { bytesIn: 0, bytesOut: 0, framesIn: 0, waitingBytes: 0, openedAtMs: 0, isHeld: false }
  }

  get isClosed(): boolean {
    return this.closeCode !== undefined
  }

  get principal(): Principal | undefined {
    return this.grant?.principal
  }

  admit(grant: Grant): void {
    this.grant = grant
  }

  offer(frame: Buffer): OfferVerdict {
    if (this.closeCode !== undefined) return 'closed'
    if (this.frames.length - this.readFrames >= this.roomForFrames) return 'full'
    this.frames.push(frame)
    return 'queued'
  }

  close(code: CloseCode): void {
    if (this.closeCode !== undefined) return
    this.closeCode = code
    this.onClose?.()
  }

  redirect(): void {
    this.close(CloseCode.BelongsElsewhere)
  }

  get packets(): readonly Packet[] {
    const decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
    const packets: Packet[] = []
    for (const bytes of this.frames) {
      decoder.push(bytes)
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) packets.push(decodePacket(frame))
    }
    return packets
  }

  /** All records that were delivered, in order of arrival. */
  get records(): readonly RoomRecord[] {
    return this.packets.flatMap((packet) => (packet.kind === 'deliver' ? packet.records : []))
  }

  /** Bodies of the events of one pattern. */
  events(pattern: string): readonly unknown[] {
    return this.packets.flatMap((packet) =>
      packet.kind === 'event' && packet.pattern === pattern ? [decodeBody(packet.body)] : [],
    )
  }
}
