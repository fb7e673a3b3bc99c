import { describe, expect, test } from 'vitest'
import { Reader } from '../../src/protocol/reader.js'
import { Writer } from '../../src/protocol/writer.js'

const MAX_BYTES = 4096

interface Field {
  write(writer: Writer): void
  read(reader: Reader): unknown
  readonly value: unknown
}

const fields: Readonly<Record<string, Field>> = {
  u8: { write: (writer) => writer.u8(0xab), read: (reader) => reader.u8(), value: 0xab },
  u16: { write: (writer) => writer.u16(0xabcd), read: (reader) => reader.u16(), value: 0xabcd },
  u32: { write: (writer) => writer.u32(0xabcdef01), read: (reader) => reader.u32(), value: 0xabcdef01 },
  u64: { write: (writer) => writer.u64(2 ** 53 - 2), read: (reader) => reader.u64(), value: 2 ** 53 - 2 },
  varint: { write: (writer) => writer.varint(2 ** 52 + 1), read: (reader) => reader.varint(), value: 2 ** 52 + 1 },
  zigzag: { write: (writer) => writer.zigzag(1 - 2 ** 52), read: (reader) => reader.zigzag(), value: 1 - 2 ** 52 },
  'short str8': { write: (writer) => writer.str8('lobby'), read: (reader) => reader.str8(), value: 'lobby' },
  'long str8': {
    write: (writer) => writer.str8('long '.repeat(20)),
    read: (reader) => reader.str8(),
    value: 'long '.repeat(20),
  },
  str16: { write: (writer) => writer.str16('é'.repeat(30)), read: (reader) => reader.str16(), value: 'é'.repeat(30) },
  bytes16: {
    write: (writer) => writer.bytes16(Buffer.from('bytes')),
    read: (reader) => reader.bytes16(),
    value: Buffer.from('bytes'),
  },
  bytesV: {
    write: (writer) => writer.bytesV(Buffer.from('bytes')),
    read: (reader) => reader.bytesV(),
    value: Buffer.from('bytes'),
  },
}

describe.each(Object.entries(fields))('%s', (_name, field) => {
  test('is whole wherever the buffer has to grow', () => {
    for (let before = 0; before <= 130; before += 1) {
      const writer = new Writer(16, MAX_BYTES)
      for (let at = 0; at < before; at += 1) writer.u8(at)
      field.write(writer)
      writer.u8(0xee)
      const reader = new Reader(writer.toBuffer())
      expect([...reader.fixed(before)], `after ${before} bytes`).toEqual(Array.from({ length: before }, (_, at) => at))
      expect([field.read(reader), reader.u8()], `after ${before} bytes`).toEqual([field.value, 0xee])
      reader.end()
    }
  })
})

test('a writer takes exactly as much as it may', () => {
  const writer = new Writer(1, 10)
  writer.fixed(Buffer.alloc(8))
  writer.rest(Buffer.alloc(2))
  expect(writer.toBuffer()).toHaveLength(10)
  writer.rest(Buffer.alloc(3))
  expect(() => writer.toBuffer()).toThrow(RangeError)
  expect(() => writer.fixed(Buffer.alloc(3))).toThrow(RangeError)
})

test.each([
  ['u8', -1, 255, 256],
  ['u16', -1, 65_535, 65_536],
  ['u32', -1, 2 ** 32 - 1, 2 ** 32],
  ['u64', -1, Number.MAX_SAFE_INTEGER, 2 ** 53],
  ['varint', -1, Number.MAX_SAFE_INTEGER, 2 ** 53],
  ['zigzag', -(2 ** 52), 2 ** 52 - 1, 2 ** 52],
] as const)('%s refuses what is beyond it', (type, below, most, above) => {
  const writer = new Writer(16, MAX_BYTES)
  expect(() => writer[type](below)).toThrow(RangeError)
  expect(() => writer[type](above)).toThrow(RangeError)
  expect(() => writer[type](Number.NaN)).toThrow(RangeError)
  writer[type](most)
  expect(new Reader(writer.toBuffer())[type]()).toBe(most)
})
