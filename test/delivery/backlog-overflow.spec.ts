/** What other nodes append is not admitted here, so it may be more than may wait: then it is read, paced, and not held. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RoomHead } from '../../src/log/room-log.js'
import { roomId } from './names.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, startLobby, startSharedLobby, text } from './router-stack.js'
import { expectChain } from '../support/room-chain.js'

/** What a record holds beside its body. */
const OVERHEAD_BYTES = 128
const TOTAL_BYTES = 65_536
const sized = (bytes: number) => text(Buffer.alloc(bytes - OVERHEAD_BYTES))

describe('held bytes', () => {
  test('go to twice what may be admitted, and a record more is read', async () => {
    const { journal, router, tick, members } = await startSharedLobby(3, {
      NESTWIRE_ROUTER_MAX_BYTES: String(TOTAL_BYTES),
    })
    for (let count = 0; count < 4; count += 1) await journal.append(lobby, sized(TOTAL_BYTES / 2))
    expect([router.heldBytes, router.counters.feedOverflows]).toEqual([2 * TOTAL_BYTES, 0])
    await journal.append(lobby, sized(OVERHEAD_BYTES))
    expect([router.heldBytes, router.counters.feedOverflows]).toEqual([0, 1])
    await tick.settle()
    for (const { records } of members) expect(seqs(records)).toEqual(from1To(5))
    expect(router.laggingConnections).toBe(0)
  })

  test('of one room leave no room for another, which reads', async () => {
    const { journal, router, tick, members } = await startSharedLobby(1, {
      NESTWIRE_ROUTER_MAX_BYTES: String(TOTAL_BYTES),
    })
    const [other, reader] = [roomId('other'), new RecordingConnection()]
    await router.open(other)
    router.attach(other, reader)
    for (let count = 0; count < 4; count += 1) await journal.append(lobby, sized(TOTAL_BYTES / 2))
    await journal.append(other, sized(OVERHEAD_BYTES))
    expect([router.heldBytes, router.counters.feedOverflows]).toEqual([2 * TOTAL_BYTES, 1])
    await tick.settle()
    expect([seqs(members[0]?.records ?? []), seqs(reader.records)]).toEqual([from1To(4), [1]])
  })

  test('hold one record of any size', async () => {
    const { journal, router, tick, members } = await startSharedLobby(1, {
      NESTWIRE_ROUTER_MAX_BYTES: String(TOTAL_BYTES),
    })
    await journal.append(lobby, sized(3 * TOTAL_BYTES))
    expect([router.heldBytes, router.counters.feedOverflows]).toEqual([3 * TOTAL_BYTES, 0])
    await tick.settle()
    expect(seqs(members[0]?.records ?? [])).toEqual([1])
  })
})

test('held records go to twice what all lanes admit, and one more is read', async () => {
  const { journal, router, tick, members } = await startSharedLobby(2, { NESTWIRE_LANE_MAX_MESSAGES: '2' })
  for (let count = 0; count < 12; count += 1) await journal.append(lobby, text('hi'))
  expect(router.counters.feedOverflows).toBe(0)
  await journal.append(lobby, text('hi'))
  expect([router.heldBytes, router.counters.feedOverflows]).toEqual([0, 1])
  await tick.settle()
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(13))
})

test('a room that nobody hears holds nothing', async () => {
  const { journal, router } = await startSharedLobby(0)
  for (let count = 0; count < 100; count += 1) await journal.append(lobby, text('hi'))
  expect([router.heldBytes, router.head(lobby).seq]).toEqual([0, 100])
})

const step = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('told', 'told', 'flood', 'unheard', 'look') },
  { weight: 3, arbitrary: fc.constantFrom('tick', 'tick', 'say') },
  { weight: 2, arbitrary: fc.constantFrom('attach', 'slow', 'read', 'detach') },
)

/** With lanes of one message each. */
const BACKLOG = 6

/** Members enough that a batch takes several slices. */
test('each member gets each record once and in order, whatever was told, lost and given up', async () => {
  let overflows = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (script) => {
      const stack = await startSharedLobby(20, { NESTWIRE_LANE_MAX_MESSAGES: '1' }, 50)
      const { router, journal, log, tick, say, members } = stack
      const from = await log.head(lobby)
      const seen: { readonly connection: RecordingConnection; readonly from: RoomHead }[] = []
      const present: typeof seen = members.map((connection) => ({ connection, from }))
      seen.push(...present)
      for (const [index, now] of script.entries()) {
        const at = index % Math.max(1, present.length)
        const someone = present[at]?.connection
        if (now === 'flood')
          for (let count = 0; count <= BACKLOG; count += 1) await journal.append(lobby, text('flood'))
        if (now === 'told') await journal.append(lobby, text('there'))
        if (now === 'unheard') await journal.appendUnheard(lobby, text('lost'))
        if (now === 'look') await journal.look(lobby)
        if (now === 'say') await say('here').catch(() => undefined)
        if (now === 'tick') tick.end()
        if (now === 'attach') {
          const connection = new RecordingConnection()
          const newcomer = { connection, from: router.attach(lobby, connection) }
          seen.push(newcomer)
          present.push(newcomer)
        }
        if (someone === undefined) continue
        if (now === 'slow') someone.roomForFrames = 1
        if (now === 'read') {
          someone.read()
          router.connectionWritable(someone)
        }
        if (now === 'detach') {
          router.detach(lobby, someone)
          present.splice(at, 1)
        }
        await new Promise(setImmediate)
      }
      for (const { connection } of present) {
        connection.roomForFrames = Infinity
        router.connectionWritable(connection)
      }
      await journal.look(lobby)
      await tick.settle()
      overflows += router.counters.feedOverflows
      const { seq: last } = await log.head(lobby)
      for (const member of seen) expectChain(member.connection, member.from)
      // The naive twin: everybody who is there has everything that came after its place.
      for (const { connection, from: start } of present) {
        expect(seqs(connection.records)).toEqual(from1To(last).filter((seq) => seq > start.seq))
      }
      expect([router.heldBytes, router.laggingConnections, tick.waiting]).toEqual([0, 0, 0])
    }),
    { numRuns: 100 },
  )
  expect(overflows).toBeGreaterThan(0)
})

test('a log of this process alone never tells more than may be held', async () => {
  const limits = { NESTWIRE_ROUTER_MAX_BYTES: String(TOTAL_BYTES), NESTWIRE_LANE_MAX_MESSAGES: '3' }
  const message = fc.record({
    priority: fc.constantFrom('high' as const, 'normal' as const, 'low' as const),
    bytes: fc.constantFrom(OVERHEAD_BYTES, 10_000, TOTAL_BYTES, 3 * TOTAL_BYTES),
    isEndOfTick: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 40 }), async (script) => {
      const { router, tick, say, members } = await startLobby(1, limits)
      const answers: Promise<unknown>[] = []
      for (const { priority, bytes, isEndOfTick } of script) {
        answers.push(say(Buffer.alloc(bytes - OVERHEAD_BYTES), priority).catch(() => undefined))
        if (!isEndOfTick) continue
        await new Promise(setImmediate)
        tick.end()
      }
      await tick.settle()
      await Promise.all(answers)
      await tick.settle()
      expect([router.counters.feedOverflows, router.heldBytes, router.laggingConnections]).toEqual([0, 0, 0])
      expect(members[0]?.packets.some(({ kind }) => kind === 'gap')).toBe(false)
    }),
    { numRuns: 60 },
  )
})
