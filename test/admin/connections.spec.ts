import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { ChatUser } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'
import { asks } from './operator.js'

interface Seen {
  readonly user: string | null
}

/** The users of the connections that `/admin/connections` answers with, in order. */
async function usersBy(chat: Chat, query: string): Promise<readonly (string | null)[]> {
  const { body } = await asks(chat, `connections?${query}`)
  return (body as { connections: readonly Seen[] }).connections.map(({ user }) => user)
}

test('connections are ranked by what they read, send and wait for', async () => {
  const chat = await startChat()
  const silent = await chat.connect('silent')
  chat.clock.advance(1_000)
  const talker = await chat.connect('talker')
  await talker.join('lobby')
  chat.clock.advance(1_000)
  const listener = await chat.connect('listener')
  await listener.join('lobby')
  for (let count = 0; count < 50; count += 1) await talker.says('lobby', 'x'.repeat(1_000))
  await listener.records('lobby', 50)
  await listener.request('chat.history', { room: 'lobby' })
  expect((await usersBy(chat, 'by=bytesIn'))[0]).toBe('talker')
  expect((await usersBy(chat, 'by=messages'))[0]).toBe('talker')
  expect((await usersBy(chat, ''))[0]).toBe('listener')
  expect(await usersBy(chat, 'by=age')).toEqual(['silent', 'talker', 'listener'])
  expect(await usersBy(chat, 'by=age&top=2')).toEqual(['silent', 'talker'])
  await silent.expectNothing()
})

test('a connection is told with what it did, and nothing of what it said', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice', { role: 'service' })
  await alice.join('lobby')
  await alice.says('lobby', 'a secret')
  chat.clock.advance(5_000)
  const { status, body } = await asks(chat, 'connections')
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      total: 1,
      connections: [
        {
          id: expect.any(String),
          user: 'alice',
          role: 'service',
          address: '127.0.0.1',
          ageMs: 5_000,
          bytesIn: alice.socket.bytesWritten,
          bytesOut: alice.socket.bytesRead,
          messages: 4,
          lag: 0,
          rooms: 1,
          isHeld: false,
        },
      ],
    },
  })
  expect(JSON.stringify(body)).not.toContain('secret')
})

test('who is nobody yet is there, too', async () => {
  const chat = await startChat()
  await chat.greeted()
  expect(await usersBy(chat, '')).toEqual([null])
})

test('lag is what a client was sent and has not confirmed', async () => {
  const chat = await startChat()
  const [bob, alice] = [
    await chat.connect('bob'),
    await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features: Feature.Positions })),
  ]
  for (const person of [bob, alice]) await person.join('lobby')
  await bob.says('lobby', 'x'.repeat(10_000))
  await alice.find(({ kind }) => kind === 'deliver')
  const lagOf = async (): Promise<unknown> => {
    const { body } = await asks(chat, 'connections?by=lag')
    return (body as { connections: readonly { user: string; lag: number }[] }).connections[0]
  }
  expect(await lagOf()).toMatchObject({ user: 'alice' })
  alice.confirm()
  await alice.settled()
  expect(await lagOf()).toMatchObject({ lag: expect.closeTo(0, -2) as number })
})

test('the slow are those that are behind, the farthest first', async () => {
  const chat = await startChat({ NESTWIRE_CONFIRM_WINDOW_BYTES: String(2 * 65_536) })
  const bob = await chat.connect('bob')
  await bob.join('lobby')
  // It confirms nothing, so that it gets no more than a window.
  const slow = await ChatUser.login(chat.port, await chat.tokenOf('slow'), hello({ features: Feature.Positions }))
  await slow.join('lobby')
  for (let count = 0; count < 10; count += 1) await bob.says('lobby', 'x'.repeat(30_000))
  await expect
    .poll(() => asks(chat, 'slow').then(({ body }) => body))
    .toMatchObject({
      total: 1,
      connections: [{ user: 'slow', roomsBehind: 1, recordsBehind: expect.any(Number) as number }],
    })
})

test('the last ends are told with their reasons, newest first', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  chat.clock.advance(3_000)
  alice.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' })
  await alice.expectClosedAtLast('Normal')
  const stranger = await chat.greeted()
  stranger.sendBytes(Buffer.from('nonsense'))
  await stranger.expectClosed('BadMagic')
  const bob = await chat.connect('bob')
  bob.reset()
  await expect.poll(() => chat.sessionCount()).toBe(0)
  const { body } = await asks(chat, 'closes')
  expect(body).toMatchObject({
    closes: [
      { code: 0, name: 'Gone', user: 'bob', lifetimeMs: 0 },
      { code: 4000, name: 'BadMagic', user: null, address: '127.0.0.1' },
      { code: 1000, name: 'Normal', user: 'alice', lifetimeMs: 3_000, atMs: chat.clock.now() },
    ],
  })
  expect((await asks(chat, 'closes?top=1')).body).toMatchObject({ closes: [{ user: 'bob' }] })
})

test('of a thousand ends and one the oldest is forgotten, and who was refused is none', async () => {
  const chat = await startChat({ NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1', NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1' })
  const first = await chat.connect('first')
  first.reset()
  await expect.poll(() => chat.server.connectionCount).toBe(0)
  await RawClient.connectFrom('127.0.0.2', chat.port)
  for (let count = 0; count < 50; count += 1) {
    await (await RawClient.connectFrom('127.0.0.2', chat.port)).expectClosed('TooManyConnections')
  }
  const closes = async (): Promise<readonly Seen[]> =>
    ((await asks(chat, 'closes?top=1000')).body as { closes: readonly Seen[] }).closes
  for (let left = 999; left > 0;) {
    const clients = await Promise.all(Array.from({ length: Math.min(left, 100) }, () => RawClient.connect(chat.port)))
    for (const client of clients) client.sendBytes('00')
    for (const client of clients) await client.expectClosed('BadMagic')
    left -= clients.length
  }
  expect((await closes()).at(-1)).toMatchObject({ user: 'first' })
  const last = await chat.connect('last')
  last.reset()
  await expect.poll(async () => (await closes())[0]?.user).toBe('last')
  const known = await closes()
  expect(known).toHaveLength(1_000)
  expect(known.map(({ user }) => user)).not.toContain('first')
})

test.each([
  'connections?top=0',
  'connections?top=1001',
  'connections?top=x',
  'connections?by=name',
  'slow?top=-1',
  'closes?top=1.5',
  'rooms?by=age',
  'backoffs?top=',
])('is not asked for %s', async (path) => {
  const { status, body } = await asks(await startChat(), path)
  expect({ status, body }).toMatchObject({ status: 400, body: { code: 'BAD_PAYLOAD' } })
})

test('a thousand may be asked for', async () => {
  expect((await asks(await startChat(), 'connections?top=1000')).status).toBe(200)
})

test.each(['connections', 'rooms', 'slow', 'closes', 'backoffs'])('%s are for admins only', async (path) => {
  const chat = await startChat({ NESTWIRE_ADMIN_ACCESS: 'token' })
  const roles = [undefined, 'user', 'service', 'admin'] as const
  const statuses = await Promise.all(roles.map(async (role) => (await asks(chat, path, { role })).status))
  expect(statuses).toEqual([401, 403, 403, 200])
})
