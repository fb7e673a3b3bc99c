/**
 * MessagePack to values, bounded while reading: nesting, entries, string bytes, and every length by what is left, so a
 * claim allocates nothing. Map keys are strings; the only extension is the timestamp. Bytes are views of the body.
 */
import { BodyError } from './body-error.js'
import { BODY_LIMITS } from './constants.js'
import { utf8Between } from './utf8.js'

const TIMESTAMP = -1
/** Upper half of the first number that a double cannot count to. */
const UNSAFE_UPPER_HALF = 2 ** 21
const MAX_NANOSECONDS = 999_999_999

export class BodyDecoder {
  readonly #bytes: Buffer
  #at = 0

  constructor(body: Buffer) {
    this.#bytes = body
  }

  decode(): unknown {
    const value = this.#value(0)
    const left = this.#bytes.length - this.#at
    if (left > 0) throw new BodyError('trailingBytes', `${left} bytes after the value`)
    return value
  }

  /** `depth` counts the arrays and maps around the value. */
  #value(depth: number): unknown {
    const code = this.#u8()
    if (code < 0x80) return code
    if (code < 0x90) return this.#map(code & 0x0f, depth)
    if (code < 0xa0) return this.#array(code & 0x0f, depth)
    if (code < 0xc0) return this.#string(code & 0x1f)
    if (code >= 0xe0) return code - 0x100
    return this.#coded(code, depth)
  }

  #coded(code: number, depth: number): unknown {
    const bytes = this.#bytes
    switch (code) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xca:
        return bytes.readFloatBE(this.#take(4))
      case 0xcb:
        return bytes.readDoubleBE(this.#take(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (code - 0xcc))
      case 0xcf:
        return this.#uint64()
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const size = 1 << (code - 0xd0)
        return bytes.readIntBE(this.#take(size), size)
      }
      case 0xd3:
        return narrow(bytes.readBigInt64BE(this.#take(8)))
      default:
        return this.#sized(code, depth)
    }
  }

  #sized(code: number, depth: number): unknown {
    switch (code) {
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (code - 0xc4)))
      case 0xc7:
        return this.#timestamp(this.#uint(1))
      case 0xd6:
        return this.#timestamp(4)
      case 0xd7:
        return this.#timestamp(8)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#uint(1 << (code - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (code - 0xdc)), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (code - 0xde)), depth)
      default:
        throw new BodyError('badType', `MessagePack code 0x${code.toString(16)}`)
    }
  }

  #uint(size: number): number {
    let value = 0
    for (let left = size; left > 0; left -= 1) value = value * 0x100 + this.#u8()
    return value
  }

  #uint64(): number | bigint {
    const upper = this.#uint(4)
    if (upper < UNSAFE_UPPER_HALF) return upper * 2 ** 32 + this.#uint(4)
    return (BigInt(upper) << 32n) + BigInt(this.#uint(4))
  }

  #string(length: number): string {
    if (length > BODY_LIMITS.maxStringBytes) throw new BodyError('tooLong', `a string of ${length} bytes`)
    const start = this.#take(length)
    const text = utf8Between(this.#bytes, start, start + length)
    if (text === undefined) throw new BodyError('badString', 'a string that is not UTF-8')
    return text
  }

  #binary(length: number): Buffer {
    if (length > BODY_LIMITS.maxStringBytes) throw new BodyError('tooLong', `binary of ${length} bytes`)
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  #array(length: number, depth: number): unknown[] {
    this.#assertEntries(length, { depth, leastBytes: 1 })
    const items: unknown[] = []
    for (let at = 0; at < length; at += 1) items.push(this.#value(depth + 1))
    return items
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#assertEntries(length, { depth, leastBytes: 2 })
    const map: Record<string, unknown> = {}
    for (let at = 0; at < length; at += 1) {
      const key = this.#value(depth + 1)
      if (typeof key !== 'string') throw new BodyError('badKey', `a map key that is no string`)
      setOwn(map, key, this.#value(depth + 1))
    }
    return map
  }

  #assertEntries(length: number, { depth, leastBytes }: { depth: number; leastBytes: number }): void {
    if (depth === BODY_LIMITS.maxDepth) throw new BodyError('tooDeep', `more than ${depth} levels`)
    if (length > BODY_LIMITS.maxEntries) throw new BodyError('tooManyEntries', `${length} entries`)
    if (length * leastBytes > this.#bytes.length - this.#at) throw truncated()
  }

  #timestamp(length: number): Date {
    const type = this.#bytes.readInt8(this.#take(1))
    if (type !== TIMESTAMP) throw new BodyError('badType', `MessagePack extension ${type}`)
    const start = this.#take(length)
    switch (length) {
      case 4:
        return dateOf(this.#bytes.readUInt32BE(start), 0)
      case 8: {
        const upper = this.#bytes.readUInt32BE(start)
        return dateOf((upper & 0b11) * 2 ** 32 + this.#bytes.readUInt32BE(start + 4), upper >>> 2)
      }
      case 12:
        return dateOf(Number(this.#bytes.readBigInt64BE(start + 4)), this.#bytes.readUInt32BE(start))
      default:
        throw new BodyError('badTimestamp', `a timestamp of ${length} bytes`)
    }
  }

  #u8(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw truncated()
    this.#at += 1
    return byte
  }

  #take(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) throw truncated()
    this.#at = start + length
    return start
  }
}

const truncated = (): BodyError => new BodyError('truncated', 'the value reaches beyond the body')

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function dateOf(seconds: number, nanoseconds: number): Date {
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6))
  if (nanoseconds > MAX_NANOSECONDS || Number.isNaN(date.getTime()))
    throw new BodyError('badTimestamp', 'a timestamp that is none')
  return date
}

/** As `JSON.parse` does it: a key `__proto__` is an own property and nothing more. */
function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') map[key] = value
  else Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true })
}
