import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bodyBytesOf, decodeStored, encodeStored, timeMsOf } from '../../../src/log/jetstream/stored-record.js'
import type { NewRecord, Urgency } from '../../../src/log/room-log.js'
import { NO_SEQ, trustedSeq } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { userId } from '../../delivery/names.js'

const seq = trustedSeq(7)
const prev = trustedSeq(3)
const messageId = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
const hello: NewRecord = { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from('hi'), id: { messageId } }

// Written by hand from the grammar in `stored-record.ts`; what is in a stream must be readable for ever.
const goldens: readonly [name: string, record: NewRecord, urgency: Urgency, timeMs: number, hex: string][] = [
  [
    'a text with an id',
    hello,
    'normal',
    1_700_000_000_000,
    '01 01 01 10 05 018bcfe56800 000102030405060708090a0b0c0d0e0f 616c696365 6869',
  ],
  [
    'a leave without one',
    { kind: RecordKind.Leave, sender: userId('bob'), body: Buffer.of(1) },
    'high',
    1,
    '01 03 00 00 03 000000000001 626f62 01',
  ],
  [
    'a join of no bytes',
    { kind: RecordKind.Join, sender: userId('ä'), body: Buffer.alloc(0) },
    'low',
    0,
    '01 02 03 00 02 000000000000 c3a4',
  ],
]
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

describe('records in the stream', () => {
  test.each(goldens)('%s is written as ever', (_, record, urgency, timeMs, hex) => {
    expect(encodeStored(record, timeMs, urgency).toString('hex')).toBe(bytesOf(hex).toString('hex'))
  })

  test.each(goldens)('%s is read as ever', (_, { kind, sender, body, id }, urgency, timeMs, hex) => {
    expect(decodeStored(bytesOf(hex), seq, prev)).toEqual({
      record: { kind, seq, prev, timeMs, sender, body },
      urgency,
      messageId: id?.messageId,
    })
    expect(bodyBytesOf(bytesOf(hex))).toBe(body.length)
    expect(timeMsOf(bytesOf(hex))).toBe(timeMs)
  })

  test('a body is a copy, and not a view of the chunk it came in', () => {
    const chunk = encodeStored(hello, 0, 'normal')
    const stored = decodeStored(chunk, seq, prev)
    chunk.fill(0)
    expect(stored?.record.body.toString()).toBe('hi')
    expect(stored?.messageId).toEqual(messageId)
  })

  test('cut short anywhere before the body it is not readable', () => {
    const whole = encodeStored(hello, 0, 'normal')
    for (let length = 0; length < whole.length - hello.body.length; length += 1) {
      expect(decodeStored(whole.subarray(0, length), seq, prev)).toBeUndefined()
    }
  })

  test.each([
    ['version', 0],
    ['kind', 1],
    ['urgency', 2],
    ['length of the id', 3],
  ])('with an unknown %s it is not readable', (_, at) => {
    const bytes = encodeStored(hello, 0, 'normal')
    bytes[at] = 99
    expect(decodeStored(bytes, seq, prev)).toBeUndefined()
  })

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeStored(Uint8Array.of(1, ...bytes), seq, NO_SEQ)
        timeMsOf(bytes)
      }),
    )
  })
})
