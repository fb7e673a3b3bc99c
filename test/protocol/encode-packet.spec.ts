import { describe, expect, test } from 'vitest'
import { HEADER_BYTES, MAX_FRAME_BYTES_CEILING } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { trustedEpoch, trustedSeq, trustedSessionId } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import { allExamplePackets, examplePackets, roomOf, textRecord } from '../support/example-packets.js'
import { naiveEncodePacket } from '../support/naive-codec.js'

const NONE = Buffer.alloc(0)
const call = { correlation: 1, priority: 0, deadlineMs: undefined, metadata: undefined, body: NONE } as const

test.each(allExamplePackets.map((packet) => [packet.kind, packet] as const))(
  '%s is written as by the twin',
  (_, packet) => {
    expect(encodePacket(packet).toString('hex')).toBe(Buffer.from(naiveEncodePacket(packet)).toString('hex'))
  },
)

test('frames keep their bytes while others are encoded', () => {
  const frames = allExamplePackets.map(encodePacket)
  const copies = frames.map((frame) => Buffer.from(frame))
  allExamplePackets.toReversed().map(encodePacket)
  expect(frames).toEqual(copies)
})

test('a frame does not change with the body it was made from', () => {
  const body = Buffer.from('hello')
  const frame = encodePacket({ kind: 'reply', correlation: 1, body })
  body.fill('!')
  expect(frame.subarray(-5).toString()).toBe('hello')
})

test('a payload may have exactly one mebibyte', () => {
  const room = MAX_FRAME_BYTES_CEILING - 6
  const frame = encodePacket({ kind: 'reply', correlation: 1, body: Buffer.alloc(room) })
  expect(frame.length).toBe(HEADER_BYTES + MAX_FRAME_BYTES_CEILING)
  expect(() => encodePacket({ kind: 'reply', correlation: 1, body: Buffer.alloc(room + 1) })).toThrow(RangeError)
})

test('a packet after a refused one is written whole', () => {
  expect(() => encodePacket({ kind: 'ping', correlation: 0 })).toThrow(RangeError)
  const ping: Packet = { kind: 'ping', correlation: 1 }
  expect([...encodePacket(ping)]).toEqual([...naiveEncodePacket(ping)])
})

const pair = (name: string, fits: Packet, exceeds: Packet) => [name, fits, exceeds] as const
const position = (count: number): Packet => ({
  kind: 'position',
  receivedBytes: 0,
  positions: Array.from({ length: count }, () => ({ room: roomOf('r'), seq: trustedSeq(0) })),
})
const metadataOf = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 'v']))
const [authOk] = examplePackets.authOk
if (authOk === undefined) throw new Error('no example')

describe('what a field cannot hold', () => {
  test.each([
    pair(
      'str8',
      { kind: 'hello', minVersion: 1, maxVersion: 1, features: 0, agent: 'x'.repeat(255) },
      { kind: 'hello', minVersion: 1, maxVersion: 1, features: 0, agent: 'x'.repeat(256) },
    ),
    pair(
      'str8 in bytes, not letters',
      { ...authOk, session: trustedSessionId('é'.repeat(127)) },
      { ...authOk, session: trustedSessionId('é'.repeat(128)) },
    ),
    pair(
      'str16',
      { kind: 'auth', correlation: 1, redirects: 0, token: 'x'.repeat(65_535) },
      { kind: 'auth', correlation: 1, redirects: 0, token: 'x'.repeat(65_536) },
    ),
    pair(
      'u8',
      { kind: 'auth', correlation: 1, redirects: 255, token: '' },
      { kind: 'auth', correlation: 1, redirects: 256, token: '' },
    ),
    pair('u32', { kind: 'ping', correlation: 0xffff_ffff }, { kind: 'ping', correlation: 2 ** 32 }),
    pair(
      'u64',
      { kind: 'ack', correlation: 1, seq: trustedSeq(Number.MAX_SAFE_INTEGER), timeMs: 0 },
      { kind: 'ack', correlation: 1, seq: trustedSeq(2 ** 53), timeMs: 0 },
    ),
    pair(
      'u64 below zero',
      { kind: 'ack', correlation: 1, seq: trustedSeq(0), timeMs: 0 },
      { kind: 'ack', correlation: 1, seq: trustedSeq(0), timeMs: -1 },
    ),
    pair('bytes16', { ...authOk, ticket: Buffer.alloc(65_535) }, { ...authOk, ticket: Buffer.alloc(65_536) }),
    pair('a count of u16', position(65_535), position(65_536)),
    pair(
      'a count of metadata',
      { kind: 'request', pattern: 'p', ...call, metadata: metadataOf(255) },
      { kind: 'request', pattern: 'p', ...call, metadata: metadataOf(256) },
    ),
    pair(
      'a pattern',
      { kind: 'request', pattern: 'é'.repeat(512), ...call },
      { kind: 'request', pattern: `${'é'.repeat(512)}x`, ...call },
    ),
    pair(
      'an empty pattern',
      { kind: 'event', pattern: 'p', priority: 0, metadata: undefined, body: NONE },
      { kind: 'event', pattern: '', priority: 0, metadata: undefined, body: NONE },
    ),
    pair(
      'a message id',
      { kind: 'publish', correlation: 1, priority: 0, room: roomOf('r'), messageId: Buffer.alloc(16), body: NONE },
      { kind: 'publish', correlation: 1, priority: 0, room: roomOf('r'), messageId: Buffer.alloc(15), body: NONE },
    ),
    pair(
      'a time step of a record',
      deliverOf([textRecord(1, 0, ''), { ...textRecord(2, 1, ''), timeMs: 1_760_000_000_001 + 2 ** 52 - 1 }]),
      deliverOf([textRecord(1, 0, ''), { ...textRecord(2, 1, ''), timeMs: 1_760_000_000_001 + 2 ** 52 }]),
    ),
    pair('records that do not follow', deliverOf([textRecord(1, 0, '')]), deliverOf([textRecord(1, 1, '')])),
    pair(
      'a broken chain of records',
      deliverOf([textRecord(1, 0, ''), textRecord(3, 1, '')]),
      deliverOf([textRecord(1, 0, ''), textRecord(3, 2, '')]),
    ),
    pair('a batch without records', deliverOf([textRecord(1, 0, '')]), deliverOf([])),
  ])('%s is refused', (_name, fits, exceeds) => {
    expect([...encodePacket(fits)]).toEqual([...naiveEncodePacket(fits)])
    expect(() => encodePacket(exceeds)).toThrow(RangeError)
  })
})

function deliverOf(records: Extract<Packet, { kind: 'deliver' }>['records']): Packet {
  return { kind: 'deliver', room: roomOf('r'), epoch: trustedEpoch(1), records }
}
