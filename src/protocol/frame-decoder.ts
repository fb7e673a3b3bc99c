/**
 * Cuts a byte stream into frames: bytes in, frames out, no I/O.
 *
 * A payload that arrives whole in one chunk is a view of that chunk; one that spans chunks is gathered in a buffer that
 * doubles as bytes arrive, so a claimed length costs nothing and byte-by-byte arrival stays linear. Malformed input is
 * terminal: the same error is thrown from then on, and no later magic is looked for.
 */
import { CloseCode } from './close-codes.js'
import { FRAME_VERSION, FrameType, HEADER_BYTES, MAGIC } from './constants.js'
import { ProtocolError } from './protocol-error.js'

export interface Frame {
  readonly type: FrameType
  readonly payload: Buffer
}

const FIRST_BODY_BYTES = 4096
const EMPTY: Buffer = Buffer.alloc(0)

export class FrameDecoder {
  #chunk: Buffer = EMPTY
  #at = 0
  /** Chunks that were pushed before `#chunk` was consumed. */
  readonly #later: Buffer[] = []

  /** How much of the current frame's header is known; its fields below, complete or growing byte by byte. */
  #headerBytes = 0
  #field = 0
  #type: FrameType = FrameType.Control
  #length = 0

  /** Holds the payload of a frame that spans chunks. */
  #body: Buffer | undefined
  #bodyBytes = 0

  #hasEnded = false
  #failure: ProtocolError | undefined

  constructor(
    /** Judges every header that is read from now on; may be changed at any time. */
    public maxPayloadBytes: number,
  ) {}

  /** Some bytes of an unfinished frame are held. */
  get isMidFrame(): boolean {
    return this.#headerBytes > 0
  }

  /** The decoder keeps views of `chunk`: it must not change any more. */
  push(chunk: Buffer): void {
    if (this.#failure !== undefined) throw this.#failure
    if (chunk.length === 0) return
    if (this.#at < this.#chunk.length) this.#later.push(chunk)
    else this.#open(chunk)
  }

  /** The next whole frame, or `undefined` until more bytes come. Throws a ProtocolError on bytes that are no frame. */
  next(): Frame | undefined {
    if (this.#failure !== undefined) throw this.#failure
    while (this.#at < this.#chunk.length) {
      const payload = this.#readHeader() ? this.#readPayload() : undefined
      if (payload !== undefined) return this.#finish(payload)
      this.#open(this.#later.shift() ?? EMPTY)
    }
    if (this.#hasEnded) this.#assertBetweenFrames()
    return undefined
  }

  /** No more chunks will come. Throws EOF_IN_FRAME, here or once `next` runs dry, if that is inside a frame. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#hasEnded = true
    if (this.#at === this.#chunk.length) this.#assertBetweenFrames()
  }

  #open(chunk: Buffer): void {
    this.#chunk = chunk
    this.#at = 0
  }

  /** `true` once the header is known. */
  #readHeader(): boolean {
    if (this.#headerBytes === HEADER_BYTES) return true
    const start = this.#at
    if (this.#headerBytes > 0 || this.#chunk.length - start < HEADER_BYTES) return this.#readHeaderBytes()
    this.#acceptField(4, this.#chunk.readUInt32BE(start))
    this.#acceptField(8, this.#chunk.readUInt32BE(start + 4))
    this.#acceptField(12, this.#chunk.readUInt32BE(start + 8))
    this.#acceptField(16, this.#chunk.readUInt32BE(start + 12))
    this.#headerBytes = HEADER_BYTES
    this.#at = start + HEADER_BYTES
    return true
  }

  #readHeaderBytes(): boolean {
    while (this.#headerBytes < HEADER_BYTES && this.#at < this.#chunk.length) {
      this.#field = ((this.#field << 8) | this.#chunk.readUInt8(this.#at)) >>> 0
      this.#at += 1
      this.#headerBytes += 1
      if (this.#headerBytes < 4) this.#assertMagicSoFar()
      else if (this.#headerBytes % 4 === 0) this.#acceptField(this.#headerBytes, this.#field)
    }
    return this.#headerBytes === HEADER_BYTES
  }

  #assertMagicSoFar(): void {
    const expected = MAGIC >>> (8 * (4 - this.#headerBytes))
    if (this.#field !== expected) throw this.#fail(CloseCode.BadMagic, 'this is not a Nestwire frame')
  }

  /** `end` is the offset in the header just after the field. */
  #acceptField(end: number, value: number): void {
    if (end === 4) {
      if (value !== MAGIC) throw this.#fail(CloseCode.BadMagic, 'this is not a Nestwire frame')
    } else if (end === 8) {
      if (value !== FRAME_VERSION) throw this.#fail(CloseCode.BadFrameVersion, `frame version ${value}`)
    } else if (end === 12) {
      if (value !== FrameType.Control && value !== FrameType.Data)
        throw this.#fail(CloseCode.BadFrameType, `frame type ${value}`)
      this.#type = value
    } else {
      if (value > this.maxPayloadBytes) {
        throw this.#fail(
          CloseCode.FrameTooLarge,
          `a payload of ${value} bytes where ${this.maxPayloadBytes} are allowed`,
        )
      }
      this.#length = value
    }
  }

  #readPayload(): Buffer | undefined {
    const available = this.#chunk.length - this.#at
    if (this.#body === undefined && available >= this.#length) {
      const start = this.#at
      this.#at = start + this.#length
      return this.#chunk.subarray(start, this.#at)
    }
    const arrived = Math.min(available, this.#length - this.#bodyBytes)
    const body = this.#roomFor(this.#bodyBytes + arrived)
    this.#chunk.copy(body, this.#bodyBytes, this.#at, this.#at + arrived)
    this.#at += arrived
    this.#bodyBytes += arrived
    return this.#bodyBytes === this.#length ? body : undefined
  }

  #roomFor(bytes: number): Buffer {
    const body = this.#body ?? EMPTY
    if (bytes <= body.length) return body
    const larger = Buffer.allocUnsafe(Math.min(this.#length, Math.max(bytes, body.length * 2, FIRST_BODY_BYTES)))
    body.copy(larger, 0, 0, this.#bodyBytes)
    this.#body = larger
    return larger
  }

  #finish(payload: Buffer): Frame {
    this.#headerBytes = 0
    this.#field = 0
    this.#body = undefined
    this.#bodyBytes = 0
    if (this.#at === this.#chunk.length) this.#open(this.#later.shift() ?? EMPTY)
    return { type: this.#type, payload }
  }

  #assertBetweenFrames(): void {
    if (this.isMidFrame) throw this.#fail(CloseCode.EofInFrame, 'the stream ended inside a frame')
  }

  #fail(code: CloseCode, detail: string): ProtocolError {
    this.#failure = new ProtocolError(code, detail)
    this.#open(EMPTY)
    this.#later.length = 0
    this.#body = undefined
    return this.#failure
  }
}
