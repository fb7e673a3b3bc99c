/** What a batch costs those who stand inside it, and how large it gets. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { RoomBatch } from '../../src/delivery/room-batch.js'
import type { DeliverFrame } from '../../src/protocol/deliver-frames.js'
import { HEADER_BYTES } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { trustedEpoch, trustedSeq, type Seq } from '../../src/protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import { userId } from './names.js'
import { from1To, lobby, seqs, startLobby } from './router-stack.js'
import { RecordingConnection } from './recording-connection.js'

// The real thing, watched.
vi.mock('../../src/protocol/encode-packet.js', { spy: true })
const watched = vi.mocked(encodePacket)
beforeEach(() => void watched.mockClear())
const encodedBytes = (): number => watched.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0)

const MAX_FRAME_BYTES = 256 * 1024
const RECORDS = 256
const BODY_BYTES = 32 * 1024

function recordAt(seq: number): RoomRecord {
  const [kind, sender, timeMs] = [RecordKind.Text, userId('alice'), 1_000]
  return { kind, sender, timeMs, seq: trustedSeq(seq), prev: trustedSeq(seq - 1), body: Buffer.alloc(BODY_BYTES) }
}

function largeBatch(): RoomBatch {
  const [first, ...more] = from1To(RECORDS).map(recordAt)
  if (first === undefined) throw new Error('no records')
  return new RoomBatch(
    { id: lobby, epoch: trustedEpoch(1) },
    { prev: first.prev, records: [first, ...more] },
    MAX_FRAME_BYTES,
  )
}

const seqsIn = (frames: readonly DeliverFrame[]): readonly number[] => {
  const reader = new RecordingConnection()
  for (const { bytes } of frames) reader.offer(bytes)
  return seqs(reader.records)
}

describe('a batch of 8 MiB', () => {
  test('costs each place inside it at most one frame, and gives it all the rest', () => {
    const batch = largeBatch()
    expect(encodedBytes()).toBeGreaterThan(RECORDS * BODY_BYTES)
    for (let position = 1; position < RECORDS; position += 5) {
      watched.mockClear()
      const frames = batch.framesAfter(trustedSeq(position))
      expect(watched.mock.results.length).toBeLessThanOrEqual(1)
      expect(encodedBytes()).toBeLessThanOrEqual(HEADER_BYTES + MAX_FRAME_BYTES)
      expect(seqsIn(frames)).toEqual(from1To(RECORDS).slice(position))
    }
  })

  test('costs a thousand members at one place no more than one', () => {
    const batch = largeBatch()
    watched.mockClear()
    const rests = Array.from({ length: 1_000 }, () => batch.framesAfter(trustedSeq(3))[0]?.bytes)
    expect(new Set(rests).size).toBe(1)
    expect(watched.mock.results.length).toBe(1)
  })

  test('costs nothing where a frame begins', () => {
    const batch = largeBatch()
    watched.mockClear()
    const edges: readonly Seq[] = batch.frames.slice(0, -1).map(({ lastSeq }) => lastSeq)
    for (const [at, edge] of edges.entries()) expect(batch.framesAfter(edge)).toEqual(batch.frames.slice(at + 1))
    expect(watched.mock.results.length).toBe(0)
  })
})

describe('what waits becomes one batch', () => {
  const MAX_BATCH_RECORDS = 4_096
  const MAX_BATCH_BYTES = 1024 * 1024
  const OVERHEAD_BYTES = 128
  const PARTS = 8

  test.each([
    [MAX_BATCH_RECORDS, [MAX_BATCH_RECORDS]],
    [MAX_BATCH_RECORDS + 1, [MAX_BATCH_RECORDS, 1]],
  ])('of up to 4,096 messages: %i', async (count, batches) => {
    const { say, tick, members } = await startLobby(1)
    await Promise.all(Array.from({ length: count }, () => say('.')))
    await tick.settle()
    expect(recordsAFrame(members)).toEqual(batches)
  })

  test.each([
    [0, [PARTS]],
    [1, [PARTS - 1, 1]],
  ])('of up to 1 MiB: %i bytes more', async (moreBytes, batches) => {
    const env = {
      NESTWIRE_MAX_FRAME_BYTES: String(MAX_BATCH_BYTES),
      NESTWIRE_MAX_OUTBOX_BYTES: String(4 * MAX_BATCH_BYTES),
      NESTWIRE_CONFIRM_WINDOW_BYTES: String(2 * MAX_BATCH_BYTES),
    }
    const { say, tick, members } = await startLobby(1, env)
    const part = MAX_BATCH_BYTES / PARTS - OVERHEAD_BYTES
    for (let n = 1; n < PARTS; n += 1) await say(Buffer.alloc(part))
    await say(Buffer.alloc(part + moreBytes))
    await tick.settle()
    expect(recordsAFrame(members)).toEqual(batches)
  })
})

const recordsAFrame = ([member]: readonly RecordingConnection[]): readonly number[] =>
  (member?.packets ?? []).map((packet) => (packet.kind === 'deliver' ? packet.records.length : 0))
