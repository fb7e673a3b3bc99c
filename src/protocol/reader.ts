/**
 * Reads the fields of one payload, in order, and never past its end.
 * A field beyond the end throws TRUNCATED_PACKET, a field without meaning BAD_FIELD. Byte fields are views.
 */
import { CloseCode } from './close-codes.js'
import {
  parseRoomId,
  parseUserId,
  type Epoch,
  type RoomId,
  type Seq,
  trustedEpoch,
  trustedSeq,
  type UserId,
} from './ids.js'
import { ProtocolError } from './protocol-error.js'
import { utf8Between } from './utf8.js'

const U32_RANGE = 2 ** 32
/** Upper half of the first number that a double cannot count to. */
const UNSAFE_UPPER_HALF = 2 ** 21
/** Seven bits a byte: 2^53 − 1 takes eight. */
const MAX_VARINT_BYTES = 8

export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(payload: Buffer) {
    this.#bytes = payload
  }

  u8(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw this.#truncated(1)
    this.#at += 1
    return byte
  }
  u16(): number {
    return this.#bytes.readUInt16BE(this.#take(2))
  }
  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }
  /** 64 bits on the wire, below 2^53. */
  u64(): number {
    const start = this.#take(8)
    const upper = this.#bytes.readUInt32BE(start)
    if (upper >= UNSAFE_UPPER_HALF) throw badField('a u64 of 2^53 or more')
    return upper * U32_RANGE + this.#bytes.readUInt32BE(start + 4)
  }

  /** Unsigned LEB128 in its shortest form, below 2^53. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let length = 1; length <= MAX_VARINT_BYTES; length += 1) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && length > 1) throw badField('a varint with a needless last byte')
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 0x80
    }
    throw badField('a varint of 2^53 or more')
  }
  /** Zigzag: 0, −1, 1, −2 … as 0, 1, 2, 3 …; magnitude below 2^52. */
  zigzag(): number {
    const value = this.varint()
    if (value === Number.MAX_SAFE_INTEGER) throw badField('a zigzag of −2^52')
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  str8(): string {
    return this.text(this.u8())
  }
  str16(): string {
    return this.text(this.u16())
  }
  fixed(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }
  bytes16(): Buffer {
    return this.fixed(this.u16())
  }
  bytesV(): Buffer {
    return this.fixed(this.varint())
  }
  /** Whatever is left of the payload; perhaps nothing. */
  rest(): Buffer {
    return this.fixed(this.#bytes.length - this.#at)
  }

  room(): RoomId {
    return parseRoomId(this.str8()) ?? refuse('a room name that cannot be one')
  }
  user(): UserId {
    return parseUserId(this.str8()) ?? refuse('a user name that cannot be one')
  }
  seq(): Seq {
    return trustedSeq(this.u64())
  }
  epoch(): Epoch {
    return trustedEpoch(this.u64())
  }
  /** A u8 that must be one of `choices`. */
  oneOf<Choice extends number>(choices: readonly Choice[]): Choice {
    const value = this.u8()
    for (const choice of choices) {
      if (choice === value) return choice
    }
    throw badField(`${value} where only ${choices.join(', ')} are known`)
  }

  /** Call after the last field. */
  end(): void {
    const left = this.#bytes.length - this.#at
    if (left > 0) throw new ProtocolError(CloseCode.TrailingBytes, `${left} bytes after the last field`)
  }

  text(length: number): string {
    const start = this.#take(length)
    return utf8Between(this.#bytes, start, start + length) ?? refuse('a string that is not UTF-8')
  }

  #take(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) throw this.#truncated(length)
    this.#at = start + length
    return start
  }

  #truncated(length: number): ProtocolError {
    const left = this.#bytes.length - this.#at
    return new ProtocolError(CloseCode.TruncatedPacket, `a field of ${length} bytes where ${left} are left`)
  }
}

export const badField = (detail: string): ProtocolError => new ProtocolError(CloseCode.BadField, detail)

function refuse(detail: string): never {
  throw badField(detail)
}
