/** What one user may take, while others have all of theirs. */
import { expect, test } from 'vitest'
import { AbuseCounters } from '../../src/abuse/abuse-counters.js'
import { Feature } from '../../src/protocol/constants.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { ChatUser, auth, resume } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'

const refusedBy = ({ app }: Chat) => app.get(AbuseCounters, { strict: false }).refused

async function logsInAs(chat: Chat, user: string): Promise<RawClient> {
  const client = await chat.greeted()
  client.send(auth(await chat.tokenOf(user), 1))
  return client
}

test('a user has as many connections as it may, and the next when one has gone', async () => {
  const chat = await startChat({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '2' })
  const first = await chat.connect('alice')
  await chat.connect('alice')
  await (await logsInAs(chat, 'alice')).expectClosedAtLast('TooManyConnections')
  await chat.connect('bob')
  first.reset()
  await expect.poll(() => chat.sessionCount()).toBe(2)
  await chat.connect('alice')
  await (await logsInAs(chat, 'alice')).expectClosedAtLast('TooManyConnections')
  expect(refusedBy(chat).connectionsPerUser).toBe(2)
})

test('a session that comes back takes its own place, not another', async () => {
  const chat = await startChat({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '1' })
  const alice = await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features: Feature.Resume }))
  const back = await ChatUser.comeBack(chat.port, alice)
  await alice.expectClosedAtLast('TakenOver')
  await back.expect('ping')
  await back.expectNothing()
})

test('a session does not come back beside as many as there may be', async () => {
  const chat = await startChat({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '1' })
  const alice = await ChatUser.login(chat.port, await chat.tokenOf('alice'), hello({ features: Feature.Resume }))
  alice.reset()
  await expect.poll(() => chat.sessionCount()).toBe(0)
  await chat.connect('alice')
  const back = await RawClient.connect(chat.port)
  back.send(hello({ features: Feature.Resume }), resume(alice.ticket, [], 1))
  await back.expectClosedAtLast('TooManyConnections')
})

test('sessions that come back in one moment are no more than a user may have, and their tickets stay good', async () => {
  const chat = await startChat({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '1' })
  const tickets: Buffer[] = []
  for (let count = 0; count < 2; count += 1) {
    const client = await RawClient.connect(chat.port)
    client.send(hello({ features: Feature.Resume }), auth(await chat.tokenOf('alice'), 1))
    await client.expect('welcome')
    tickets.push((await client.expect('authOk')).ticket)
    client.reset()
    await expect.poll(() => chat.sessionCount()).toBe(0)
  }
  const comeBack = async (ticket: Buffer): Promise<RawClient> => {
    const client = await RawClient.connect(chat.port)
    client.send(hello({ features: Feature.Resume }), resume(ticket, [], 1))
    await client.expect('welcome')
    return client
  }
  const clients = await Promise.all(tickets.map(comeBack))
  const kinds = await Promise.all(clients.map(async (client) => (await client.next())?.kind))
  expect(kinds.filter((kind) => kind === 'resumed')).toHaveLength(1)
  expect(chat.sessionCount()).toBe(1)
  for (const client of clients) client.reset()
  for (const ticket of tickets) {
    await expect.poll(() => chat.sessionCount()).toBe(0)
    const client = await comeBack(ticket)
    await client.expect('resumed')
    client.reset()
  }
})

test('a user logs in as often in a minute as it may', async () => {
  const chat = await startChat({ NESTWIRE_LOGINS_PER_USER_PER_MINUTE: '2' })
  for (let count = 0; count < 2; count += 1) await chat.connect('alice')
  const soon = await logsInAs(chat, 'alice')
  expect(await soon.expectClosedAtLast('TooManyLogins')).toMatchObject({ retryAfterMs: 30_000 })
  await chat.connect('bob')
  chat.clock.advance(29_999)
  await (await logsInAs(chat, 'alice')).expectClosedAtLast('TooManyLogins')
  chat.clock.advance(1)
  await chat.connect('alice')
  expect(refusedBy(chat)).toMatchObject({ loginsPerUser: 2, connectionsPerUser: 0 })
})

test('services and admins connect as often as they like', async () => {
  const chat = await startChat({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '1', NESTWIRE_LOGINS_PER_USER_PER_MINUTE: '1' })
  for (const role of ['service', 'admin'] as const) {
    await chat.connect('robot', { role })
    await chat.connect('robot', { role })
  }
  expect(chat.sessionCount()).toBe(4)
})

test('a user makes as many rooms in a minute as it may, by joining or creating', async () => {
  const chat = await startChat({ NESTWIRE_ROOMS_PER_USER_PER_MINUTE: '2' })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('one')
  await alice.request('rooms.create', { room: 'two' })
  expect(await alice.refusal('rooms.join', { room: 'three' })).toBe('RATE_LIMITED')
  expect(await alice.refusal('rooms.create', { room: 'three' })).toBe('RATE_LIMITED')
  await bob.join('three')
  // It makes none there.
  await alice.join('three')
  chat.clock.advance(30_000)
  await alice.join('four')
  expect(await alice.refusal('rooms.create', { room: 'five' })).toBe('RATE_LIMITED')
  expect(refusedBy(chat)).toMatchObject({ roomsPerUser: 3, roomsInTotal: 0 })
})

test('all users together make as many rooms in a minute as they may, services and admins any', async () => {
  const chat = await startChat({ NESTWIRE_ROOMS_PER_MINUTE: '2' })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('one')
  await bob.join('two')
  expect(await alice.refusal('rooms.join', { room: 'three' })).toBe('RATE_LIMITED')
  const robot = await chat.connect('robot', { role: 'service' })
  await robot.request('rooms.create', { room: 'three' })
  chat.clock.advance(29_999)
  expect(await bob.refusal('rooms.create', { room: 'four' })).toBe('RATE_LIMITED')
  chat.clock.advance(1)
  await bob.join('four')
  expect(refusedBy(chat)).toMatchObject({ roomsPerUser: 0, roomsInTotal: 2 })
})

test('a connection hears as many rooms as it may', async () => {
  const chat = await startChat({ NESTWIRE_MAX_ROOMS_PER_CONNECTION: '2' })
  const alice = await chat.connect('alice')
  await alice.join('one')
  await alice.join('two')
  expect(await alice.refusal('rooms.join', { room: 'three' })).toBe('TOO_MANY_ROOMS')
  await alice.join('two')
  await alice.request('rooms.leave', { room: 'one' })
  await alice.join('three')
  expect(refusedBy(chat).roomsPerConnection).toBe(1)
})
