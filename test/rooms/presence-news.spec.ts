import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNodeId } from '../../src/cluster/node-id.js'
import { MAX_NAME_BYTES, parseRoomId } from '../../src/protocol/ids.js'
import { decodePresence, encodePresence, MAX_NEWS_COUNTS, type PresenceMessage } from '../../src/rooms/presence-news.js'
import { roomId } from '../delivery/names.js'

const anyRoom = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .map(parseRoomId)
  .filter((room) => room !== undefined)
const u32 = fc.nat(2 ** 32 - 1)
const anyMessage: fc.Arbitrary<PresenceMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('news' as const),
    number: u32,
    isWhole: fc.boolean(),
    counts: fc.array(fc.tuple(anyRoom, u32), { maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant('ask' as const), node: fc.constantFrom(undefined, parseNodeId('node-1')) }),
  fc.constant({ kind: 'end' as const }),
)

test('every message reads as it was written', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      expect(decodePresence(encodePresence(message))).toEqual(message)
    }),
  )
})

test('the largest news fit a message of NATS', () => {
  const longest = roomId('x'.repeat(MAX_NAME_BYTES))
  const counts = Array.from({ length: MAX_NEWS_COUNTS }, () => [longest, 1] as const)
  const bytes = encodePresence({ kind: 'news', number: 1, isWhole: true, counts })
  expect(bytes.length).toBeLessThan(1024 * 1024)
  expect(decodePresence(bytes)).toMatchObject({ counts: { length: MAX_NEWS_COUNTS } })
})

test('what is cut short, too long or of a later version is nothing', () => {
  const whole = encodePresence({ kind: 'news', number: 1, isWhole: false, counts: [[roomId('lobby'), 1]] })
  for (let bytes = 0; bytes < whole.length; bytes += 1) expect(decodePresence(whole.subarray(0, bytes))).toBeUndefined()
  expect(decodePresence(Buffer.concat([whole, Buffer.of(0)]))).toBeUndefined()
  expect(decodePresence(Buffer.of(4))).toBeUndefined()
})

test('no bytes make it throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodePresence(Buffer.from(bytes))))
})
