/** What a broadcast costs in encoding: nothing per member. */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, startLobby } from './router-stack.js'

// The real thing, watched.
vi.mock('../../src/protocol/encode-packet.js', { spy: true })
const watched = vi.mocked(encodePacket)
beforeEach(() => void watched.mockClear())

const encoded = () => ({
  frames: watched.mock.results.length,
  bytes: watched.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0),
})
const MESSAGES = 20
const BODY_BYTES = 64
/** docs/PROTOCOL.md promises it of each message in a batch; the frame itself comes on top. */
const MAX_OVERHEAD_BYTES = 24
const FRAME_BYTES = 60

async function broadcast(members: number) {
  const { say, tick, members: all } = await startLobby(members)
  for (let n = 0; n < MESSAGES; n += 1) await say(Buffer.alloc(BODY_BYTES))
  await tick.settle()
  return all
}

describe('a message is encoded', () => {
  test.each([1, 10, 1_000, 10_000])('once, whether one hears it or %i do', async (count) => {
    await broadcast(1)
    const forOne = encoded()
    watched.mockClear()
    const members = await broadcast(count)
    expect(encoded()).toEqual(forOne)
    expect(forOne.frames).toBe(1)
    expect(forOne.bytes).toBeLessThanOrEqual(FRAME_BYTES + MESSAGES * (BODY_BYTES + MAX_OVERHEAD_BYTES))
    expect(new Set(members.flatMap(({ frames }) => frames)).size).toBe(1)
  })

  test.each([1, 100])('once more for each place inside a batch that %i newcomers stand at', async (count) => {
    const { router, say, tick } = await startLobby(count)
    const newcomers = Array.from({ length: count * 3 }, () => new RecordingConnection())
    for (let n = 0; n < 3; n += 1) {
      await say(`m${n}`)
      for (const newcomer of newcomers.slice(n * count, (n + 1) * count)) router.attach(lobby, newcomer)
    }
    await tick.settle()
    // The whole batch, and what comes after its first and after its second message; after its third there is nothing.
    expect(encoded().frames).toBe(3)
    expect(newcomers.map(({ records }) => seqs(records).at(0))).toEqual(
      [2, 3, undefined].flatMap((first) => Array.from({ length: count }, () => first)),
    )
  })

  test.each([1, 10, 500])('once for %i members that read on from the log', async (count) => {
    const { router, say, tick } = await startLobby(0)
    const slow = Array.from({ length: count }, () => new RecordingConnection(0))
    for (const connection of slow) router.attach(lobby, connection)
    for (let n = 0; n < MESSAGES; n += 1) await say(`m${n}`)
    await tick.settle()
    watched.mockClear()
    for (const connection of slow) {
      connection.roomForFrames = Infinity
      router.connectionWritable(connection)
    }
    await tick.settle()
    expect(encoded().frames).toBe(1)
    for (const { records } of slow) expect(seqs(records)).toEqual(from1To(MESSAGES))
  })

  test('never for ephemeral traffic, which is a frame already', async () => {
    const { router, members } = await startLobby(100)
    const frame = Buffer.from('frame')
    router.sendEphemeral(lobby, frame)
    expect(encoded().frames).toBe(0)
    expect(new Set(members.flatMap(({ frames }) => frames))).toEqual(new Set([frame]))
  })
})
