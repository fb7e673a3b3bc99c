/** The disk fails in the middle of a burst: everyone is told, nobody is shown what was lost, and it goes on by itself. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { emptyFolder } from '../log/open-logs.js'
import { join, publish } from '../support/chat-user.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import type { PacketOf } from '../support/raw-client.js'
import { OrderedDisk, startServerProcess, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const ENOSPC = 28
const EIO = 5
const EROFS = 30
const BURST = 200
/** Room for one burst, not for two. */
const LANE_MESSAGES = 256

const failures: readonly DiskOrder[] = [
  `fail sync ${EIO}`,
  `fail write ${ENOSPC}`,
  `fail write ${EROFS}`,
  `fail commit ${EIO}`,
  `fail commit ${EROFS}`,
]
test.each(failures)('a burst ends in answers, not in half a history: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const server = await startServerProcess(sources.folder, {
    ...disk.env,
    NESTWIRE_DATA_DIR: await emptyFolder(),
    NESTWIRE_LANE_MAX_MESSAGES: String(LANE_MESSAGES),
  })
  const [alice, bob] = [await server.connect('alice'), await server.connect('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  await alice.hears('lobby', ['+bob'])
  const { seq } = await alice.says('lobby', 'before')
  await bob.hears('lobby', ['before'])
  await alice.hears('lobby', ['before'])

  await disk.order('hold sync')
  alice.send(publish('lobby', 'burst', 1_000))
  await disk.holds()
  for (let index = 1; index < BURST; index += 1) alice.send(publish('lobby', 'burst', 1_000 + index))
  await alice.settled()
  await disk.order(order)
  const answers = await answersTo(alice, BURST)
  const failed = answers.filter((answer) => answer.kind === 'error')
  const acknowledged = answers.filter((answer) => answer.kind === 'ack').map((answer) => answer.seq)
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.every(({ code }) => code === ErrorCode.CommitFailed || code === ErrorCode.LogUnavailable)).toBe(true)
  await expect.poll(server.isReady).toBe(false)
  expect(await alice.refusalOf((correlation) => publish('lobby', 'now?', correlation))).toBe('LOG_UNAVAILABLE')
  // The one whose outcome is open may turn out to be there; nothing that was refused may.
  await disk.order('ok')
  await expect.poll(server.isReady, { timeout: 15_000 }).toBe(true)

  const after = await alice.says('lobby', 'after')
  const heard = await bob.records('lobby', acknowledged.length + 1)
  expect(heard.map((record) => record.seq)).toEqual([...acknowledged, after.seq])
  expect(after.seq).toBe(seq + acknowledged.length + 1)
  const history = await alice.request('chat.history', { room: 'lobby', after: seq })
  expect(history).toMatchObject({ records: heard.map(({ seq, body }) => ({ seq, body })) })

  // Nothing is held for what failed: there is room for as much again.
  for (let index = 0; index < BURST; index += 1) alice.send(publish('lobby', 'again', 2_000 + index))
  expect((await answersTo(alice, BURST)).filter((answer) => answer.kind === 'error')).toEqual([])
  await bob.records('lobby', BURST)
  await bob.settled()
  expect(bob.inbox.filter(({ kind }) => kind === 'deliver')).toEqual([])
  expect(server.child.exitCode).toBeNull()
})

test.each(failures)('a room that was being founded has not been, and is when the disk is back: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const dataDir = await emptyFolder()
  const server = await startServerProcess(sources.folder, { ...disk.env, NESTWIRE_DATA_DIR: dataDir })
  const [alice, bob] = [await server.connect('alice'), await server.connect('bob')]
  await disk.order(order)
  expect(await alice.refusalOf((correlation) => join('new', correlation))).toBe('COMMIT_FAILED')
  expect(await alice.refusalOf((correlation) => publish('new', 'into it', correlation))).toBe('ROOM_NOT_FOUND')
  expect(await server.isReady()).toBe(false)

  await disk.order('ok')
  await expect.poll(server.isReady, { timeout: 15_000 }).toBe(true)
  // What the failed join left behind is cleared away first.
  const founded = (): Promise<unknown> => alice.request('rooms.join', { room: 'new' }).catch(() => undefined)
  await expect.poll(founded, { timeout: 15_000 }).toMatchObject({ role: 'owner', members: 1 })
  for (const user of [alice, bob]) await user.join('new')
  await alice.hears('new', ['+bob'])
  const { seq } = await alice.says('new', 'hello')
  for (const user of [alice, bob]) await user.hears('new', ['hello'])
  await server.kill()

  const next = await startServerProcess(sources.folder, { NESTWIRE_DATA_DIR: dataDir })
  const again = await next.connect('alice')
  expect(await again.request('rooms.info', { room: 'new' })).toMatchObject({ members: 2 })
  expect(await again.request('chat.history', { room: 'new', limit: 1 })).toMatchObject({ records: [{ seq }] })
})

test.each(failures)('the first message of a room is lost, and the next is the first: %s', async (order) => {
  const disk = await OrderedDisk.make()
  const server = await startServerProcess(sources.folder, {
    ...disk.env,
    NESTWIRE_DATA_DIR: await emptyFolder(),
    NESTWIRE_ANNOUNCE_MEMBERS_MAX: '0',
  })
  const [alice, bob] = [await server.connect('alice'), await server.connect('bob')]
  for (const user of [alice, bob]) expect((await user.join('lobby')).seq).toBe(0)
  await disk.order(order)
  expect(await alice.refusalOf((correlation) => publish('lobby', 'lost', correlation))).toBe('COMMIT_FAILED')
  expect(await server.isReady()).toBe(false)
  await bob.settled()
  expect(bob.inbox.filter(({ kind }) => kind === 'deliver')).toEqual([])

  await disk.order('ok')
  await expect.poll(server.isReady, { timeout: 15_000 }).toBe(true)
  expect((await alice.says('lobby', 'first')).seq).toBe(1)
  for (const user of [alice, bob]) await user.hears('lobby', ['first'])
  await bob.settled()
  expect(bob.inbox.filter(({ kind }) => kind === 'deliver')).toEqual([])
})

type Answer = PacketOf<'ack' | 'error'>
async function answersTo(
  user: { find: (isWanted: (packet: { kind: string }) => boolean) => Promise<unknown> },
  count: number,
): Promise<Answer[]> {
  const answers: Answer[] = []
  while (answers.length < count) {
    answers.push((await user.find(({ kind }) => kind === 'ack' || kind === 'error')) as Answer)
  }
  return answers
}
