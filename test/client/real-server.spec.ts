import { expect, onTestFinished, test } from 'vitest'
import { connect, type ChatClientOptions, type Room, type RoomItem } from '../../src/client/index.js'
import { runApp, type TestApp } from '../support/running-app.js'
import { startPath } from './cuttable-path.js'

async function clientOf(app: TestApp, user: string, options: ChatClientOptions = {}) {
  const client = await connect({ port: app.address.port, token: () => app.tokenOf(user), ...options })
  onTestFinished(() => client.close())
  return client
}

/** The texts of a room up to `last`; anything else that a reader must never see fails the test. */
async function textsUpTo(room: Room, last: string): Promise<string[]> {
  const texts: string[] = []
  for await (const item of room) {
    expect(item.kind).not.toBe('gap')
    if (item.kind !== 'text') continue
    texts.push(item.text)
    if (item.text === last) break
  }
  return texts
}

test('shows everyone the same order', async () => {
  const app = await runApp()
  const clients = await Promise.all(['alice', 'bob', 'carol'].map((user) => clientOf(app, user)))
  const rooms: Room[] = []
  for (const client of clients) rooms.push(await client.join('lobby'))
  const reading = rooms.map((room) => textsUpTo(room, 'the end'))
  await Promise.all(rooms.flatMap((room, who) => Array.from({ length: 100 }, (_, n) => room.publish(`${who}:${n}`))))
  await rooms[0]?.publish('the end')
  const [first, ...others] = await Promise.all(reading)
  expect(first).toHaveLength(301)
  for (const other of others) expect(other).toEqual(first)
})

test('misses nothing and repeats nothing across cuts', async () => {
  const app = await runApp()
  const path = await startPath(app.address.port)
  const bob = await clientOf(app, 'bob')
  const bobRoom = await bob.join('lobby')
  const alice = await clientOf(app, 'alice', { port: path.port, random: () => 0 })
  const reading = textsUpTo(await alice.join('lobby'), 'the end')
  const expected: string[] = []
  for (let n = 0; n < 300; n += 1) {
    const text = `message ${n}`
    expected.push(text)
    if (n % 60 === 30) path.cut()
    await bobRoom.publish(text)
  }
  await bobRoom.publish('the end')
  expect(await reading).toEqual([...expected, 'the end'])
})

test('catches up from the history when its loop was too slow', async () => {
  const app = await runApp()
  const bob = await (await clientOf(app, 'bob')).join('lobby')
  const alice = await clientOf(app, 'alice', { roomBuffer: { maxItems: 5, maxBytes: 1024 } })
  const aliceRoom = await alice.join('lobby')
  const texts = Array.from({ length: 500 }, (_, n) => `message ${n}`)
  await Promise.all(texts.map((text) => bob.publish(text)))
  expect(await textsUpTo(aliceRoom, 'message 499')).toEqual(texts)
})

test('publishes bytes as they are', async () => {
  const app = await runApp()
  const alice = await clientOf(app, 'alice')
  const room = await alice.join('lobby')
  const { seq } = await room.publish(Uint8Array.of(0, 255, 10))
  const { value } = await room[Symbol.asyncIterator]().next()
  const item: RoomItem | undefined = value
  expect(item).toMatchObject({ kind: 'text', seq, sender: 'alice' })
  expect(item?.kind === 'text' && [...item.body]).toEqual([0, 255, 10])
})

test('hears how many are present', async () => {
  const app = await runApp()
  const alice = await clientOf(app, 'alice')
  await alice.join('lobby')
  const counts: unknown[] = []
  alice.onEvent(({ pattern, data }) => pattern === 'rooms.presence' && counts.push(data))
  await (await clientOf(app, 'bob')).join('lobby')
  await expect.poll(() => counts, { timeout: 5000 }).toContainEqual({ room: 'lobby', members: 2, online: 2 })
})

test('ends the loop of who is removed', async () => {
  const app = await runApp()
  const owner = await clientOf(app, 'owner')
  await owner.join('lobby')
  const bob = await (await clientOf(app, 'bob')).join('lobby')
  await owner.request('rooms.kick', { room: 'lobby', user: 'bob' })
  for await (const _ of bob) continue
  expect(bob.endReason).toBe('kicked')
  await expect(bob.publish('still here?')).rejects.toMatchObject({ code: 'NOT_A_MEMBER', outcome: 'notLogged' })
})

test('comes back with a new token when the old one expires', async () => {
  const app = await runApp()
  const tokens = ['short', 'long']
  const alice = await connect({
    port: app.address.port,
    random: () => 0,
    token: () => app.tokenOf('alice', { ttlSeconds: tokens.shift() === 'short' ? 1 : 60 }),
  })
  onTestFinished(() => alice.close())
  const room = await alice.join('lobby')
  await expect.poll(() => tokens, { timeout: 10_000 }).toEqual([])
  await expect.poll(() => alice.status, { timeout: 5000 }).toBe('connected')
  const reading = textsUpTo(room, 'after')
  await room.publish('after')
  expect(await reading).toEqual(['after'])
}, 20_000)
