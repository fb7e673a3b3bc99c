/** How much of a cluster's log one node reads at once, and sweeps in one go. */
import { describe, expect, test } from 'vitest'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, storedIn } from './cluster-nodes.js'
import { startServer, openAt } from './guarded-nats.js'

const MAX_READS = 64
const MAX_SWEPT_ROOMS = 2_000
/** Bodies of 32 KiB in a room that keeps 64 KiB: two, and the last that is hidden. */
const KEPT = 3

const text = (body: Buffer) => ({ kind: RecordKind.Text, sender: userId('alice'), body })
const short = text(Buffer.from('hello'))
const plenty = { maxRecords: 1_000, maxBytes: 1_000_000 }
const rooms = (count: number) => Array.from({ length: count }, (_, index) => roomId(`r${index}`))

describe.skipIf(isNatsMissing)('at once', () => {
  const nodes = clusterNodes()

  test('sixty-four reads are under way, and the next waits for one of them', async () => {
    const server = await startServer()
    const { log, link } = await openAt(server, {})
    const all = rooms(MAX_READS + 2)
    await Promise.all(all.map((room) => log.append(room, short, 'normal')))
    /** How many questions go to a server that answers none of them until all have been asked. */
    const askedBy = async (count: number): Promise<number> => {
      server.freeze()
      const before = link.connection.stats().outMsgs
      const reads = all.slice(0, count).map((room) => log.readAfter(room, NO_SEQ, plenty))
      await new Promise(setImmediate)
      const asked = link.connection.stats().outMsgs - before
      server.thaw()
      for (const records of await Promise.all(reads)) expect(records).toHaveLength(1)
      return asked
    }
    await askedBy(MAX_READS + 2)
    const asked: number[] = []
    for (const more of [-1, 0, 1, 2]) asked.push(await askedBy(MAX_READS + more))
    expect(asked.map((count) => count - (asked[1] ?? NaN))).toEqual([
      expect.toSatisfy((less: number) => less < 0),
      0,
      0,
      0,
    ])
  })

  test('two thousand rooms are swept, and the others by the next sweep', async () => {
    const { log, clock, link, stream } = await nodes.open({ NESTWIRE_HISTORY_MAX_AGE_MS: '30000' })
    const all = rooms(MAX_SWEPT_ROOMS + 1)
    await Promise.all(all.flatMap((room) => [log.append(room, short, 'normal'), log.append(room, short, 'normal')]))
    // Less than to the sweep that comes by itself.
    clock.advance(31_000)
    await log.sweep()
    // Each room keeps the newest, by which its chain goes on.
    expect(await storedIn(link, stream.name)).toBe(MAX_SWEPT_ROOMS + 2)
    await log.sweep()
    expect(await storedIn(link, stream.name)).toBe(MAX_SWEPT_ROOMS + 1)
  }, 60_000)

  // Of two rooms all is read twice, once to count and once to find where to cut: 64 MiB with 512 bodies of 32 KiB each.
  test.each([
    { bodies: 511, swept: 3 },
    { bodies: 512, swept: 2 },
  ])(
    'with $bodies bodies of 32 KiB a room $swept rooms are swept',
    async ({ bodies, swept }) => {
      const { log, link, stream } = await nodes.open({ NESTWIRE_HISTORY_MAX_BYTES: '65536' })
      const large = text(Buffer.alloc(32_768))
      const all = rooms(3)
      for (const room of all) await Promise.all(Array.from({ length: bodies }, () => log.append(room, large, 'normal')))
      await log.sweep()
      expect(await storedIn(link, stream.name)).toBe((3 - swept) * bodies + swept * KEPT)
      await log.sweep()
      expect(await storedIn(link, stream.name)).toBe(3 * KEPT)
    },
    60_000,
  )
})
