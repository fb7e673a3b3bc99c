/** kill -9 with rooms that belong to somebody: they still do, and who was thrown out stays out. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder } from '../log/open-logs.js'
import { compileSources, type CompiledSources } from '../support/compiled-sources.js'
import { startServerProcess } from '../support/server-process.js'

let sources: CompiledSources
beforeAll(async () => void (sources = await compileSources()))
afterAll(() => sources.remove())

test('owner, members and bans are there after kill -9', async () => {
  const env = { NESTWIRE_DATA_DIR: await emptyFolder() }
  const server = await startServerProcess(sources.folder, env)
  const [alice, bob, mallory] = [
    await server.connect('alice'),
    await server.connect('bob'),
    await server.connect('mallory'),
  ]
  expect(await alice.request('rooms.create', { room: 'lobby' })).toMatchObject({ role: 'owner' })
  for (const user of [alice, bob, mallory]) await user.join('lobby')
  await alice.says('lobby', 'for members only')
  expect(await alice.request('rooms.ban', { room: 'lobby', user: 'mallory' })).toMatchObject({ changed: true })
  await server.kill()

  const next = await startServerProcess(sources.folder, env)
  const stranger = await next.connect('stranger')
  expect(await stranger.refusal('chat.history', { room: 'lobby' })).toBe('NOT_A_MEMBER')
  expect(await stranger.request('rooms.join', { room: 'lobby' })).toMatchObject({ role: 'member', members: 3 })
  expect(await stranger.refusal('rooms.kick', { room: 'lobby', user: 'alice' })).toBe('FORBIDDEN')
  const [again, member, out] = [await next.connect('alice'), await next.connect('bob'), await next.connect('mallory')]
  expect(await out.refusal('rooms.join', { room: 'lobby' })).toBe('BANNED')
  expect(await out.refusal('chat.history', { room: 'lobby' })).toBe('BANNED')
  const { records } = (await member.request('chat.history', { room: 'lobby' })) as { records: { body: Uint8Array }[] }
  expect(records.map(({ body }) => Buffer.from(body).toString())).toContain('for members only')
  expect(await again.request('rooms.kick', { room: 'lobby', user: 'stranger' })).toMatchObject({ changed: true })
})

test('what was answered is there after kill -9, at once', async () => {
  const env = { NESTWIRE_DATA_DIR: await emptyFolder() }
  const server = await startServerProcess(sources.folder, env)
  const alice = await server.connect('alice')
  const rooms = Array.from({ length: 100 }, (_, index) => `room ${index}`)
  const answered: string[] = []
  const joins = rooms.map((room) =>
    alice.join(room).then(
      () => answered.push(room),
      () => undefined,
    ),
  )
  await joins[19]
  await server.kill()
  await Promise.all(joins)

  const next = await startServerProcess(sources.folder, env)
  const stranger = await next.connect('stranger')
  expect(answered.length).toBeGreaterThanOrEqual(20)
  for (const room of answered) {
    expect(await stranger.request('rooms.info', { room })).toMatchObject({ owner: 'alice', members: 1, seq: 1 })
  }
})
