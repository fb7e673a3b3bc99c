/** The disk fails under joins, leaves and bans: a join has not happened, the others are in force and saved later. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import type { ChatUser } from '../support/chat-user.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { OrderedDisk, startServerProcess, type DiskOrder } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

const EIO = 5
const EROFS = 30

/** Alice owns the lobby, Bob and Mallory are members, Dave comes. */
interface Cast {
  readonly alice: ChatUser
  readonly bob: ChatUser
  readonly dave: ChatUser
}
const changes = {
  join: ({ dave }: Cast) => dave.refusal('rooms.join', { room: 'lobby' }),
  leave: ({ bob }: Cast) => bob.refusal('rooms.leave', { room: 'lobby' }),
  ban: ({ alice }: Cast) => alice.refusal('rooms.ban', { room: 'lobby', user: 'mallory' }),
}
type Change = keyof typeof changes
/** The change that is being written when the disk fails, those behind it, and the failure. */
const cases: readonly (readonly [Change, Change, Change, DiskOrder])[] = [
  ['join', 'leave', 'ban', `fail sync ${EIO}`],
  ['leave', 'ban', 'join', `fail sync ${EIO}`],
  ['ban', 'join', 'leave', `fail sync ${EIO}`],
  ['join', 'leave', 'ban', `fail commit ${EROFS}`],
  ['ban', 'join', 'leave', `fail commit ${EROFS}`],
]

test.each(cases)('who is in a room is clear in memory and on disk: %s, %s and %s; %s', async (...wanted) => {
  const [first, second, third, failure] = wanted
  const disk = await OrderedDisk.make()
  const dataDir = await emptyFolder()
  const server = await startServerProcess(sources.folder, { ...disk.env, NESTWIRE_DATA_DIR: dataDir })
  const connect = (name: string) => server.connect(name)
  const cast = { alice: await connect('alice'), bob: await connect('bob'), dave: await connect('dave') }
  const mallory = await connect('mallory')
  for (const user of [cast.alice, cast.bob, mallory]) await user.join('lobby')

  await disk.order('hold sync')
  const answers = [changes[first](cast)]
  await disk.holds()
  answers.push(changes[second](cast), changes[third](cast))
  for (const user of [cast.alice, cast.bob, cast.dave]) await user.settled()
  await disk.order(failure)
  expect(await Promise.all(answers)).toEqual(['COMMIT_FAILED', 'LOG_UNAVAILABLE', 'LOG_UNAVAILABLE'])
  expect(await server.isReady()).toBe(false)

  expect(await mallory.event('rooms.left')).toEqual({ room: 'lobby', reason: 'banned' })
  expect(await mallory.refusal('rooms.join', { room: 'lobby' })).toBe('BANNED')
  expect(await cast.bob.event('rooms.left')).toEqual({ room: 'lobby', reason: 'left' })
  expect(await cast.bob.refusal('chat.history', { room: 'lobby' })).toBe('NOT_A_MEMBER')
  expect(await cast.dave.refusal('chat.history', { room: 'lobby' })).toBe('NOT_A_MEMBER')
  expect(await cast.dave.refusal('rooms.join', { room: 'lobby' })).toBe('LOG_UNAVAILABLE')
  expect(await cast.alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 1 })

  await disk.order('ok')
  await expect.poll(server.isReady, { timeout: 15_000 }).toBe(true)
  // Who comes now may join as soon as the others are saved.
  const erin = await connect('erin')
  const joins = (): Promise<unknown> => erin.request('rooms.join', { room: 'lobby' }).catch(() => undefined)
  await expect.poll(joins, { timeout: 15_000 }).toMatchObject({ role: 'member', members: 2 })
  await server.kill()

  const next = await startServerProcess(sources.folder, { NESTWIRE_DATA_DIR: dataDir })
  const alice = await next.connect('alice')
  const { members } = (await alice.request('rooms.members', { room: 'lobby' })) as { members: { user: string }[] }
  expect(members.map(({ user }) => user)).toEqual(['alice', 'erin'])
  expect(await (await next.connect('mallory')).refusal('rooms.join', { room: 'lobby' })).toBe('BANNED')
})
