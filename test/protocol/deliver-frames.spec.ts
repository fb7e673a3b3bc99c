import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DELIVER_RESERVE_BYTES, HEADER_BYTES } from '../../src/protocol/constants.js'
import { encodeDeliverFrames } from '../../src/protocol/deliver-frames.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { trustedEpoch, trustedSeq } from '../../src/protocol/ids.js'
import type { RoomRecord } from '../../src/protocol/packets.js'
import { arbitraryRecords } from '../support/arbitrary-packets.js'
import { receivePackets } from '../support/deliveries.js'
import { roomOf, textRecord, userOf } from '../support/example-packets.js'

const room = roomOf('lobby')
const epoch = trustedEpoch(7)
const MAX_OVERHEAD_BYTES = 24

const texts = (count: number, body: string): RoomRecord[] =>
  Array.from({ length: count }, (_, at) => textRecord(at + 1, at, body))

const worst = (bodyBytes: number): RoomRecord => ({
  ...textRecord(Number.MAX_SAFE_INTEGER, 0, Buffer.alloc(bodyBytes)),
  sender: userOf('é'.repeat(64)),
  timeMs: Number.MAX_SAFE_INTEGER,
})

const framesOf = (records: readonly RoomRecord[], maxFrameBytes: number, of = room): Buffer[] =>
  encodeDeliverFrames({ room: of, epoch, records }, maxFrameBytes).map(({ bytes }) => bytes)

const bytesFor = (records: readonly RoomRecord[]): number =>
  framesOf(records, 1024 * 1024).reduce((sum, frame) => sum + frame.length, 0)

function recordsIn(frames: readonly Buffer[]): RoomRecord[] {
  const { items, fault } = receivePackets(frames, { maxFrameBytes: 1024 * 1024 })
  expect(fault).toBeUndefined()
  return items.flatMap((packet) => {
    if (packet.kind !== 'deliver') throw new Error(packet.kind)
    expect(packet).toMatchObject({ room, epoch })
    return [...packet.records]
  })
}

test('a batch that fits leaves in one frame', () => {
  const records = texts(100, 'hello')
  const frames = framesOf(records, 65_536)
  expect(frames).toHaveLength(1)
  expect(recordsIn(frames)).toEqual(records)
})

test('a batch is split only one byte below its size', () => {
  const records = texts(100, 'hello')
  const [whole] = framesOf(records, 65_536)
  const payloadBytes = (whole?.length ?? 0) - HEADER_BYTES
  expect(framesOf(records, payloadBytes)).toHaveLength(1)
  const split = framesOf(records, payloadBytes - 1)
  expect(split).toHaveLength(2)
  expect(recordsIn(split)).toEqual(records)
})

test('frames are filled to the last byte whatever the deltas', () => {
  const records = texts(40, 'hello').map((record, at) => ({
    ...record,
    timeMs: at % 3 === 0 ? 0 : 2 ** 40 + at,
    sender: userOf(`user${at % 7}`),
  }))
  const payloadBytes = (part: readonly RoomRecord[]): number =>
    encodePacket({ kind: 'deliver', room, epoch, records: part }).length - HEADER_BYTES
  for (let maxFrameBytes = 100; maxFrameBytes <= 300; maxFrameBytes += 1) {
    const [first, second] = framesOf(records, maxFrameBytes).map((frame) => recordsIn([frame]))
    const count = first?.length ?? 0
    expect(second?.[0]?.prev).toBe(records[count]?.prev)
    expect(payloadBytes(records.slice(0, count))).toBeLessThanOrEqual(maxFrameBytes)
    expect(payloadBytes(records.slice(0, count + 1))).toBeGreaterThan(maxFrameBytes)
  }
})

test('each frame says with which record it ends', () => {
  const records = texts(100, 'hello')
  const frames = encodeDeliverFrames({ room, epoch, records }, 600)
  expect(frames.length).toBeGreaterThan(1)
  for (const { bytes, lastSeq } of frames) expect(recordsIn([bytes]).at(-1)?.seq).toBe(lastSeq)
})

test('an empty batch makes no frame', () => {
  expect(framesOf([], 65_536)).toEqual([])
})

test('random batches survive every frame limit', () => {
  fc.assert(
    fc.property(arbitraryRecords, fc.integer({ min: 600, max: 3000 }), (records, maxFrameBytes) => {
      const frames = framesOf(records, maxFrameBytes)
      for (const frame of frames) expect(frame.length - HEADER_BYTES).toBeLessThanOrEqual(maxFrameBytes)
      expect(recordsIn(frames)).toEqual(records)
    }),
  )
})

describe('one record', () => {
  const longRoom = roomOf('é'.repeat(64))

  test.each([4096, 65_536, 1024 * 1024])('fits a frame of %i bytes beside the reserve', (maxFrameBytes) => {
    const record = worst(maxFrameBytes - DELIVER_RESERVE_BYTES)
    expect(framesOf([record], maxFrameBytes, longRoom)).toHaveLength(1)
  })

  test('that is larger than a frame is refused', () => {
    const record = worst(4096)
    expect(() => framesOf([record], 4096)).toThrow(RangeError)
  })
})

describe('the overhead of a message', () => {
  test('is at most 24 bytes in the worst record', () => {
    const first = textRecord(1, 0, '')
    const far = {
      ...textRecord(2 ** 52, 1, Buffer.alloc(20_000)),
      seq: trustedSeq(Number.MAX_SAFE_INTEGER),
      timeMs: first.timeMs + 2 ** 52 - 1,
    }
    const extra = bytesFor([first, far]) - bytesFor([first]) - far.body.length
    expect(extra).toBeLessThanOrEqual(MAX_OVERHEAD_BYTES)
  })

  test('is at most 24 bytes among very many senders', () => {
    const many = Array.from({ length: 20_000 }, (_, at) => ({
      ...textRecord(at + 1, at, 'x'),
      sender: userOf(`u${at}`),
    }))
    const again = { ...textRecord(20_001, 20_000, 'x'), sender: userOf('u19999') }
    expect(bytesFor([...many, again]) - bytesFor(many) - 1).toBeLessThanOrEqual(MAX_OVERHEAD_BYTES)
  })

  test('is 5 bytes in a busy room of few', () => {
    expect(bytesFor(texts(101, 'hello')) - bytesFor(texts(100, 'hello')) - 5).toBe(5)
  })
})
