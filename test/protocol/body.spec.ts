import * as fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { BodyError, decodeBody, encodeBody, encodeBriefly, type BodyFault } from '../../src/protocol/body.js'
import { BODY_LIMITS, MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const roundTrip = (value: unknown): unknown => decodeBody(encodeBody(value))

function faultOf(act: () => unknown): BodyFault {
  try {
    act()
  } catch (error) {
    if (error instanceof BodyError) return error.reason
    throw error
  }
  throw new Error('nothing was thrown')
}

/** Integers have no −0 in MessagePack. */
function noNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

/** It spells a key `__proto__` otherwise. */
function renamed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"__proto__":', '"__proto_":'))
}

/** Arrays inside arrays: depth 1 is `[]`. */
function nested(depth: number): unknown {
  return depth === 1 ? [] : [nested(depth - 1)]
}

describe('values', () => {
  test('no value is no bytes, and no bytes are no value', () => {
    expect(encodeBody(undefined)).toHaveLength(0)
    expect(decodeBody(Buffer.alloc(0))).toBeUndefined()
  })

  test.each([
    ['c0', null],
    ['7f', 127],
    ['cc80', 128],
    ['ccff', 255],
    ['cd0100', 256],
    ['cdffff', 65_535],
    ['ce00010000', 65_536],
    ['ceffffffff', 2 ** 32 - 1],
    ['cf0000000100000000', 2 ** 32],
    ['cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['e0', -32],
    ['d0df', -33],
    ['d080', -128],
    ['d1ff7f', -129],
    ['d18000', -32_768],
    ['d2ffff7fff', -32_769],
    ['d280000000', -(2 ** 31)],
    ['d3ffffffff7fffffff', -(2 ** 31) - 1],
    ['d3ffe0000000000001', Number.MIN_SAFE_INTEGER],
    ['cb3ff8000000000000', 1.5],
    ['cb7ff0000000000000', Infinity],
    ['a0', ''],
    ['a2c3a9', 'é'],
    ['81a161c3', { a: true }],
    ['92c2c0', [false, null]],
  ])('%s is the only form written for its value', (form, value) => {
    expect(encodeBody(value).toString('hex')).toBe(form)
    expect(decodeBody(hex(form))).toEqual(value)
  })

  test.each([
    [31, 'a'.repeat(31)],
    [32, 'a'.repeat(32)],
    [255, 'a'.repeat(255)],
    [256, 'a'.repeat(256)],
    [65_535, 'a'.repeat(65_535)],
    [65_536, 'é'.repeat(32_768)],
  ])('strings and binaries of %i bytes survive', (_bytes, text) => {
    expect(roundTrip(text)).toBe(text)
    expect(roundTrip(Buffer.from(text))).toEqual(Buffer.from(text))
  })

  test.each([15, 16, 65_535, 65_536])('arrays and maps of %i entries survive', (length) => {
    const array = Array.from({ length }, (_, at) => at)
    expect(roundTrip(array)).toEqual(array)
    const map = Object.fromEntries(array.map((at) => [`k${at}`, at]))
    expect(roundTrip(map)).toEqual(map)
  })

  test('bytes come back as views of the body', () => {
    const body = encodeBody({ data: new Uint8Array([1, 2, 3]) })
    const decoded = decodeBody(body)
    body.writeUInt8(9, body.length - 1)
    expect(decoded).toEqual({ data: Buffer.of(1, 2, 9) })
  })

  test.each([0, 1, 999, 1_760_000_000_123, 2 ** 34 * 1000 - 1, 2 ** 34 * 1000, -1, -62_135_596_800_000, 8.64e15])(
    'the date %i survives',
    (timeMs) => {
      expect(roundTrip(new Date(timeMs))).toEqual(new Date(timeMs))
    },
  )

  test('bigints are numbers again where a number can hold them', () => {
    expect(roundTrip(5n)).toBe(5)
    expect(roundTrip(2n ** 53n)).toBe(2n ** 53n)
    expect(roundTrip(2n ** 64n - 1n)).toBe(2n ** 64n - 1n)
    expect(roundTrip(-(2n ** 63n))).toBe(-(2n ** 63n))
  })
})

describe('as in JSON', () => {
  test('undefined properties vanish and undefined items are null', () => {
    expect(roundTrip({ a: undefined, b: [undefined, 1], c: 2 })).toStrictEqual({ b: [null, 1], c: 2 })
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`k${at}`, at === 7 ? at : undefined]))
    expect(roundTrip(many)).toStrictEqual({ k7: 7 })
  })

  test('toJSON is asked', () => {
    class Money {
      constructor(readonly cents: number) {}
      toJSON() {
        return { euros: this.cents / 100 }
      }
    }
    expect(roundTrip({ price: new Money(250) })).toEqual({ price: { euros: 2.5 } })
  })

  test('instances are their own properties', () => {
    class Point {
      constructor(
        readonly x: number,
        readonly y: number,
      ) {}
      get length() {
        return Math.hypot(this.x, this.y)
      }
    }
    expect(roundTrip(new Point(3, 4))).toStrictEqual({ x: 3, y: 4 })
  })

  test('an invalid date is null', () => {
    expect(roundTrip([new Date(Number.NaN)])).toEqual([null])
  })

  test('a lone surrogate becomes the replacement character', () => {
    expect(roundTrip('a\ud800b')).toBe('a\ufffdb')
  })

  test('a key named __proto__ changes no prototype', () => {
    const decoded = roundTrip(JSON.parse('{"__proto__": {"admin": true}}'))
    expect(Object.keys(decoded ?? {})).toEqual(['__proto__'])
    expect(decoded).not.toHaveProperty('admin')
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })
})

describe('what has no body', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle

  test.each<[string, BodyFault, unknown]>([
    ['a function', 'badType', { call: () => 1 }],
    ['a symbol', 'badType', [Symbol('s')]],
    ['a bigint above 64 bits', 'tooLong', 2n ** 64n],
    ['a bigint below 64 bits', 'tooLong', -(2n ** 63n) - 1n],
    ['a cycle', 'tooDeep', cycle],
    ['33 levels', 'tooDeep', nested(BODY_LIMITS.maxDepth + 1)],
    ['65,537 items', 'tooManyEntries', Array.from({ length: BODY_LIMITS.maxEntries + 1 }, () => 0)],
    ['more than a frame', 'tooLong', Buffer.alloc(MAX_FRAME_BYTES_CEILING)],
  ])('%s is refused', (_name, reason, value) => {
    expect(faultOf(() => encodeBody(value))).toBe(reason)
  })

  test('a small graph that unfolds without end is refused', () => {
    let value: unknown = 'leaf'
    for (let level = 0; level < BODY_LIMITS.maxDepth; level += 1) value = [value, value]
    expect(faultOf(() => encodeBody(value))).toBe('tooLong')
  })

  test('32 levels are written and read', () => {
    expect(roundTrip(nested(BODY_LIMITS.maxDepth))).toEqual(nested(BODY_LIMITS.maxDepth))
  })
})

describe('a body that comes', () => {
  test.each<[string, BodyFault, Buffer]>([
    ['33 levels', 'tooDeep', Buffer.concat([Buffer.alloc(BODY_LIMITS.maxDepth, 0x91), hex('90')])],
    ['a million levels', 'tooDeep', Buffer.alloc(1_000_000, 0x91)],
    ['65,537 items', 'tooManyEntries', Buffer.concat([hex('dd 00010001'), Buffer.alloc(65_537)])],
    ['65,537 entries', 'tooManyEntries', Buffer.concat([hex('df 00010001'), Buffer.alloc(65_537 * 2, 0xa0)])],
    ['a string above a mebibyte', 'tooLong', Buffer.concat([hex('db 00100001'), Buffer.alloc(0x10_0001)])],
    ['a binary above a mebibyte', 'tooLong', Buffer.concat([hex('c6 00100001'), Buffer.alloc(0x10_0001)])],
    ['fewer items than claimed', 'truncated', hex('dd 00010000 00')],
    ['fewer entries than claimed', 'truncated', hex('82 a0')],
    ['half a float', 'truncated', hex('cb 00000000')],
    ['two values', 'trailingBytes', hex('c0 c0')],
    ['the byte that never occurs', 'badType', hex('c1')],
    ['an unknown extension', 'badType', hex('d6 05 00000000')],
    ['fixext 1', 'badType', hex('d4 ff 00')],
    ['ext 16', 'badType', hex('c8 0004 ff 00000000')],
    ['a timestamp of five bytes', 'badTimestamp', hex('c7 05 ff 0000000000')],
    ['a timestamp with 10^9 nanoseconds', 'badTimestamp', hex('d7 ff ee6b2800 00000000')],
    ['a timestamp beyond all dates', 'badTimestamp', hex('c7 0c ff 00000000 7fffffffffffffff')],
    ['a number as a key', 'badKey', hex('81 01 c0')],
    ['binary as a key', 'badKey', hex('81 c4 00 c0')],
    ['a string that is not UTF-8', 'badString', hex('a1 ff')],
    ['a long string that is not UTF-8', 'badString', Buffer.concat([hex('d9 64'), Buffer.alloc(100, 0xff)])],
  ])('with %s is refused', (_name, reason, body) => {
    expect(faultOf(() => decodeBody(body))).toBe(reason)
  })

  test('with exactly as much as allowed is read', () => {
    const entries = Buffer.concat([hex('dd 00010000'), Buffer.alloc(65_536)])
    expect(decodeBody(entries)).toHaveLength(65_536)
    const text = Buffer.concat([hex('db 00100000'), Buffer.alloc(0x10_0000, 0x61)])
    expect(decodeBody(text)).toHaveLength(0x10_0000)
  })

  test.each([
    ['d6ff 00000001', 1000],
    ['d7ff ee6b27fc 00000001', 1999],
    ['c70cff 3b9ac9ff ffffffffffffffff', -1],
  ])('with the timestamp %s is a date', (body, timeMs) => {
    expect(decodeBody(hex(body))).toEqual(new Date(timeMs))
  })
})

describe('msgpackr as oracle', () => {
  const oracle = new Packr({ useRecords: false, int64AsType: 'number' })
  const json = fc.jsonValue({ maxDepth: 4 }).map(noNegativeZero)

  test('reads what we write', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(oracle.unpack(encodeBody(value))).toEqual(renamed(value))
      }),
    )
  })

  test('writes what we read', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(decodeBody(oracle.pack(value))).toEqual(value)
      }),
    )
  })
})

describe('a body in memory that the next one is written over', () => {
  test('is whole when its value encodes another one meanwhile', () => {
    const inner = { text: 'inner' }
    const outer = { before: 'outer', late: { toJSON: () => encodeBriefly(inner).length }, after: 'outer' }
    const innerBytes = encodeBody(inner).length
    expect(decodeBody(encodeBriefly(outer))).toEqual({ before: 'outer', late: innerBytes, after: 'outer' })
  })

  test.each([
    ['a value that cannot be sent', () => encodeBriefly(Symbol('none'))],
    ['one of 64 KiB and more', () => encodeBriefly('x'.repeat(64 * 1024))],
  ])('is whole behind %s', (_, encodeOther) => {
    try {
      encodeOther()
    } catch {
      // what follows is the test
    }
    expect(decodeBody(encodeBriefly({ text: 'next' }))).toEqual({ text: 'next' })
  })
})
