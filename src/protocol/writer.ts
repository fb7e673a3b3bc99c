/**
 * Appends fields to a buffer that grows by doubling. Refuses with a RangeError what the wire cannot carry;
 * whether a name is a name was settled when its branded type was made.
 */
const U32_RANGE = 2 ** 32
const MAX_U32 = U32_RANGE - 1
/** Up to here a loop beats the native copy of ASCII text (5–28 against 42–71 ns for 2–12 letters on Node 20). */
const LOOP_LETTERS = 16
const EMPTY: Buffer = Buffer.alloc(0)

export class Writer {
  #bytes: Buffer
  #at = 0
  #tail: Buffer = EMPTY

  constructor(
    initialBytes: number,
    /** More than this is a RangeError. */
    readonly maxBytes: number,
  ) {
    this.#bytes = Buffer.allocUnsafe(initialBytes)
  }

  get length(): number {
    return this.#at + this.#tail.length
  }

  reset(): void {
    this.#at = 0
    this.#tail = EMPTY
  }

  u8(value: number): void {
    assertAtMost(value, 0xff)
    const start = this.#grow(1)
    this.#bytes[start] = value
  }
  u16(value: number): void {
    assertAtMost(value, 0xffff)
    const start = this.#grow(2)
    this.#bytes[start] = value >>> 8
    this.#bytes[start + 1] = value
  }
  u32(value: number): void {
    assertAtMost(value, MAX_U32)
    this.#putU32(value, this.#grow(4))
  }
  /** A whole number from 0 to 2^53 − 1. */
  u64(value: number): void {
    assertCountable(value)
    const start = this.#grow(8)
    this.#putU32(value / U32_RANGE, start)
    this.#putU32(value, start + 4)
  }
  bigI64(value: bigint): void {
    const start = this.#grow(8)
    this.#bytes.writeBigInt64BE(value, start)
  }
  bigU64(value: bigint): void {
    const start = this.#grow(8)
    this.#bytes.writeBigUInt64BE(value, start)
  }
  f64(value: number): void {
    const start = this.#grow(8)
    this.#bytes.writeDoubleBE(value, start)
  }

  varint(value: number): void {
    assertCountable(value)
    let left = value
    while (left >= 0x80) {
      this.u8((left % 0x80) | 0x80)
      left = Math.floor(left / 0x80)
    }
    this.u8(left)
  }
  /** Magnitude below 2^52. */
  zigzag(value: number): void {
    if (!(Math.abs(value) < 2 ** 52)) throw new RangeError(`${value} is beyond ±2^52`)
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  str8(text: string): void {
    const bytes = textBytes(text, 0xff)
    this.u8(bytes)
    this.text(text, bytes)
  }
  str16(text: string): void {
    const bytes = textBytes(text, 0xffff)
    this.u16(bytes)
    this.text(text, bytes)
  }
  /** `text` without a length in front; `bytes` is its `Buffer.byteLength`. */
  text(text: string, bytes: number): void {
    const start = this.#grow(bytes)
    const isAscii = bytes === text.length
    if (bytes > LOOP_LETTERS || !isAscii) {
      // 53 against 80 ns for 32 letters, 95 against 171 for 128.
      this.#bytes.write(text, start, bytes, isAscii ? 'latin1' : 'utf8')
      return
    }
    for (let at = 0; at < bytes; at += 1) this.#bytes[start + at] = text.charCodeAt(at)
  }
  fixed(source: Uint8Array): void {
    const start = this.#grow(source.length)
    this.#bytes.set(source, start)
  }
  bytes16(source: Uint8Array): void {
    this.u16(source.length)
    this.fixed(source)
  }
  bytesV(source: Uint8Array): void {
    this.varint(source.length)
    this.fixed(source)
  }
  /** The last field, copied only once: by `toBuffer`. */
  rest(source: Buffer): void {
    this.#tail = source
  }

  /** For counts and lengths that are known only after what they stand in front of. */
  overwriteU8(value: number, at: number): void {
    this.#bytes.writeUInt8(value, at)
  }
  overwriteU16(value: number, at: number): void {
    this.#bytes.writeUInt16BE(value, at)
  }
  overwriteU32(value: number, at: number): void {
    this.#putU32(value, at)
  }

  /** Everything written so far, without `rest`, as a view, which holds until `reset`. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  /** Everything written since the last reset, in memory of its own. */
  toBuffer(): Buffer {
    if (this.length > this.maxBytes) throw this.#tooLong(this.length)
    const whole = Buffer.allocUnsafe(this.length)
    this.#bytes.copy(whole, 0, 0, this.#at)
    if (this.#tail.length > 0) whole.set(this.#tail, this.#at)
    return whole
  }

  /** Where the next `length` bytes go. Call it before touching `#bytes`, which it may replace. */
  #grow(length: number): number {
    const start = this.#at
    const end = start + length
    if (end > this.#bytes.length) {
      if (end > this.maxBytes) throw this.#tooLong(end)
      const larger = Buffer.allocUnsafe(Math.min(this.maxBytes, Math.max(end, this.#bytes.length * 2)))
      this.#bytes.copy(larger, 0, 0, start)
      this.#bytes = larger
    }
    this.#at = end
    return start
  }

  /** The lowest 32 bits of `value`. */
  #putU32(value: number, at: number): void {
    this.#bytes[at] = value >>> 24
    this.#bytes[at + 1] = value >>> 16
    this.#bytes[at + 2] = value >>> 8
    this.#bytes[at + 3] = value
  }

  #tooLong(length: number): RangeError {
    return new RangeError(`${length} bytes where ${this.maxBytes} are allowed`)
  }
}

function textBytes(text: string, maxBytes: number): number {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) throw new RangeError(`a string of ${bytes} bytes where ${maxBytes} fit`)
  return bytes
}

function assertAtMost(value: number, max: number): void {
  if (!(value >= 0 && value <= max)) throw new RangeError(`${value} is not from 0 to ${max}`)
}

function assertCountable(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no whole number from 0 to 2^53 - 1`)
}
