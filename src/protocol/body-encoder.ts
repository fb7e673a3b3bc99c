/**
 * Values to MessagePack, as JSON would see them (`toJSON` is asked, undefined properties vanish, undefined in arrays is
 * nil) and with what JSON lacks: bytes, dates, bigints. Bounded like the decoder, so a cycle ends at the depth limit.
 *
 * Own code instead of msgpackr: that one recurses without bound, writes lone surrogates as no UTF-8, a function as nil
 * and integers above 2^32 as floats. It stays as the oracle of the tests.
 */
import { BodyError } from './body-error.js'
import { BODY_LIMITS, MAX_FRAME_BYTES_CEILING } from './constants.js'
import { Writer } from './writer.js'

const FIRST_BYTES = 128
const MAX_TIMESTAMP64_SECONDS = 2 ** 34

export class BodyEncoder {
  readonly #writer = new Writer(FIRST_BYTES, MAX_FRAME_BYTES_CEILING)

  /** A view, which the next `encode` writes over. */
  encode(value: unknown): Buffer {
    this.#writer.reset()
    try {
      this.#value(plain(value), 0)
      return this.#writer.written()
    } catch (error) {
      throw error instanceof RangeError ? new BodyError('tooLong', error.message) : error
    }
  }

  /** `value` has been through `plain`; `depth` counts the arrays and maps around it. */
  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        return this.#string(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#writer.u8(value ? 0xc3 : 0xc2)
      case 'bigint':
        return this.#bigint(value)
      case 'undefined':
        return this.#writer.u8(0xc0)
      case 'object':
        return value === null ? this.#writer.u8(0xc0) : this.#object(value, depth)
      case 'function':
      case 'symbol':
        throw new BodyError('badType', `a ${typeof value} has no MessagePack form`)
    }
  }

  #string(text: string): void {
    const bytes = Buffer.byteLength(text)
    if (bytes < 0x20) this.#writer.u8(0xa0 | bytes)
    else this.#length(bytes, { u8: 0xd9, u16: 0xda, u32: 0xdb })
    this.#writer.text(text, bytes)
  }

  #number(value: number): void {
    const writer = this.#writer
    if (!Number.isSafeInteger(value)) {
      writer.u8(0xcb)
      writer.f64(value)
    } else if (value >= 0) {
      if (value < 0x80) writer.u8(value)
      else if (value > 0xffff_ffff) this.#uint64(value)
      else this.#length(value, { u8: 0xcc, u16: 0xcd, u32: 0xce })
    } else if (value >= -0x20) {
      writer.u8(value & 0xff)
    } else if (value >= -0x80) {
      writer.u8(0xd0)
      writer.u8(value & 0xff)
    } else if (value >= -0x8000) {
      writer.u8(0xd1)
      writer.u16(value & 0xffff)
    } else if (value >= -0x8000_0000) {
      writer.u8(0xd2)
      writer.u32(value >>> 0)
    } else {
      this.#bigint(BigInt(value))
    }
  }

  #uint64(value: number): void {
    this.#writer.u8(0xcf)
    this.#writer.u64(value)
  }

  #bigint(value: bigint): void {
    if (BigInt.asUintN(64, value) === value) {
      this.#writer.u8(0xcf)
      this.#writer.bigU64(value)
    } else if (BigInt.asIntN(64, value) === value) {
      this.#writer.u8(0xd3)
      this.#writer.bigI64(value)
    } else {
      throw new BodyError('tooLong', 'a bigint of more than 64 bits')
    }
  }

  #object(value: object, depth: number): void {
    if (value instanceof Uint8Array) return this.#bytes(value)
    if (value instanceof Date) return this.#timestamp(value)
    if (depth === BODY_LIMITS.maxDepth) throw new BodyError('tooDeep', `more than ${depth} levels, or a cycle`)
    if (Array.isArray(value)) this.#array(value, depth + 1)
    else if (hasProperties(value)) this.#map(value, depth + 1)
  }

  #bytes(value: Uint8Array): void {
    this.#length(value.length, { u8: 0xc4, u16: 0xc5, u32: 0xc6 })
    this.#writer.fixed(value)
  }

  /** The timestamp extension (type −1); nil for an invalid date, as in JSON. */
  #timestamp(value: Date): void {
    const writer = this.#writer
    const timeMs = value.getTime()
    if (Number.isNaN(timeMs)) return writer.u8(0xc0)
    const seconds = Math.floor(timeMs / 1000)
    const nanoseconds = (timeMs - seconds * 1000) * 1e6
    if (seconds >= 0 && seconds < MAX_TIMESTAMP64_SECONDS) {
      writer.u16(0xd7ff)
      writer.bigU64((BigInt(nanoseconds) << 34n) | BigInt(seconds))
    } else {
      writer.u16(0xc70c)
      writer.u8(0xff)
      writer.u32(nanoseconds)
      writer.bigI64(BigInt(seconds))
    }
  }

  #array(items: readonly unknown[], depth: number): void {
    assertEntries(items.length)
    if (items.length < 0x10) this.#writer.u8(0x90 | items.length)
    else this.#length(items.length, { u16: 0xdc, u32: 0xdd })
    for (const item of items) this.#value(plain(item), depth)
  }

  /** The count is filled in afterwards, since undefined properties vanish. */
  #map(value: Readonly<Record<string, unknown>>, depth: number): void {
    const keys = Object.keys(value)
    const most = keys.length
    assertEntries(most)
    const start = this.#writer.length
    if (most < 0x10) this.#writer.u8(0x80)
    else this.#length(most, { u16: 0xde, u32: 0xdf })
    let entries = 0
    for (const key of keys) {
      const item = plain(value[key])
      if (item === undefined) continue
      entries += 1
      this.#string(key)
      this.#value(item, depth)
    }
    if (most < 0x10) this.#writer.overwriteU8(0x80 | entries, start)
    else if (most < 0x10000) this.#writer.overwriteU16(entries, start + 1)
    else this.#writer.overwriteU32(entries, start + 1)
  }

  /** The smallest of the given forms, its code in front. */
  #length(length: number, codes: { readonly u8?: number; readonly u16: number; readonly u32: number }): void {
    const writer = this.#writer
    if (codes.u8 !== undefined && length < 0x100) {
      writer.u8(codes.u8)
      writer.u8(length)
    } else if (length < 0x10000) {
      writer.u8(codes.u16)
      writer.u16(length)
    } else {
      writer.u8(codes.u32)
      writer.u32(length)
    }
  }
}

/** What `value` wants to be written as. Bytes and dates have a form of their own, whatever their `toJSON` says. */
function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Date) return value
  return hasToJson(value) ? value.toJSON() : value
}

/** Every object has; tells the type so. */
const hasProperties = (value: object): value is Readonly<Record<string, unknown>> => !Array.isArray(value)

const hasToJson = (value: { readonly toJSON?: unknown }): value is { toJSON(): unknown } =>
  typeof value.toJSON === 'function'

function assertEntries(entries: number): void {
  if (entries > BODY_LIMITS.maxEntries) throw new BodyError('tooManyEntries', `${entries} entries`)
}
