/** The server dies in the middle of a write to its store: what was acknowledged is there, and no seq is used twice. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import { publish, type ChatUser } from '../support/chat-user.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import type { PacketOf } from '../support/raw-client.js'
import { OrderedDisk, startServerProcess, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const KILLED = 137
const BURST = Array.from({ length: 50 }, (_, index) => `burst ${index} ${'x'.repeat(200)}`)

/**
 * Pages have 4,096 bytes. Of the page that makes a commit valid 128 are written, from its byte 40 on: the size,
 * the roots of the trees, from 112 on the number of the commit, which decides, low byte first, from 120 on the boot.
 */
const tears: readonly DiskOrder[] = [
  'tear write 1',
  'tear write 4096',
  'tear write 5000',
  'tear commit 8',
  'tear commit 60',
  'tear commit 112',
  'tear commit 113',
  'tear commit 120',
]

test.each(tears)('the store is whole afterwards: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const dataDir = await emptyFolder()
  const server = await startServerProcess(sources.folder, { ...disk.env, NESTWIRE_DATA_DIR: dataDir })
  const alice = await server.connect('alice')
  await alice.join('lobby')
  const known = new Map<number, string>()
  for (let index = 0; index < 20; index += 1) {
    const body = `kept ${index}`
    known.set((await alice.says('lobby', body)).seq, body)
  }
  await alice.records('lobby', known.size)
  await disk.order(order)
  for (const [index, body] of BURST.entries()) alice.send(publish('lobby', body, 1_000 + index))
  expect((await server.ended).code).toBe(KILLED)
  for (const [seq, body] of shownTo(alice)) known.set(seq, body)

  const next = await startServerProcess(sources.folder, { NESTWIRE_DATA_DIR: dataDir })
  const again = await next.connect('alice')
  const found = await historyOf(again)
  const fromKnown = found.filter(([seq]) => known.has(seq))
  expect(fromKnown).toEqual([...known])
  // What had no answer is there or not, in the order in which it was sent.
  const others = found.filter(([seq]) => !known.has(seq)).map(([, body]) => body)
  expect(others).toEqual(BURST.slice(0, others.length))
  expect(found.map(([seq]) => seq)).toEqual(found.map((_, index) => (found[0]?.[0] ?? 0) + index))

  await again.join('lobby')
  const { seq } = await again.says('lobby', 'after')
  expect(seq).toBeGreaterThan(found.at(-1)?.[0] ?? 0)
  await next.kill()
  const last = await startServerProcess(sources.folder, { NESTWIRE_DATA_DIR: dataDir })
  expect(await historyOf(await last.connect('alice'))).toEqual([...found, [seq, 'after']])
})

/** All messages, with their seqs; Alice's join came first. */
async function historyOf(user: ChatUser): Promise<readonly (readonly [number, string])[]> {
  const { records } = (await user.request('chat.history', { room: 'lobby', after: 1 })) as {
    records: { seq: number; body: Uint8Array }[]
  }
  return records.map(({ seq, body }) => [seq, Buffer.from(body).toString()])
}

/** What came before the end and was not looked at. */
const shownTo = (user: ChatUser): readonly (readonly [number, string])[] =>
  user.inbox
    .filter((packet): packet is PacketOf<'deliver'> => packet.kind === 'deliver')
    .flatMap(({ records }) => records.map(({ seq, body }) => [seq, body.toString()] as const))
