/** Logging in, staying and being sent away. */
import { expect, test } from 'vitest'
import { closeCodeName, retryClassOf } from '../../src/protocol/close-codes.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { auth, type ChatUser } from '../support/chat-user.js'

/** Somebody in the lobby, and how many milliseconds the token is still good for. */
async function withToken(chat: Chat, ttlSeconds: number): Promise<{ alice: ChatUser; leftMs: number }> {
  const alice = await chat.connect('alice', { ttlSeconds })
  await alice.join('lobby')
  const { expiresAtMs } = (await alice.request('auth.whoami')) as { readonly expiresAtMs: number }
  return { alice, leftMs: expiresAtMs - chat.clock.now() }
}

test('a session ends with its token', async () => {
  const chat = await startChat()
  const { alice, leftMs } = await withToken(chat, 10)
  chat.clock.advance(leftMs - 500)
  await alice.says('lobby', 'still good')
  await alice.hears('lobby', ['still good'])
  chat.clock.advance(1_000)
  await alice.find(({ kind }) => kind === 'event') // presence, meanwhile
  const close = await alice.expectClosed('TokenExpired')
  expect(retryClassOf(close.code)).toBe('now')
  alice.end()
  await expect.poll(chat.sessionCount).toBe(0)
})

test('a refresh in time keeps session, rooms and connection', async () => {
  const chat = await startChat({ NESTWIRE_PRESENCE_INTERVAL_MS: '60000' })
  const { alice, leftMs } = await withToken(chat, 10)
  chat.clock.advance(leftMs - 500)
  await alice.event('rooms.presence')
  const before = (await alice.request('auth.whoami')) as { readonly session: string }
  const granted = await alice.authenticate(await chat.tokenOf('alice', { ttlSeconds: 600 }))
  expect(granted).toMatchObject({ session: before.session, user: 'alice' })
  chat.clock.advance(5_000)
  await alice.says('lobby', 'refreshed')
  await alice.hears('lobby', ['refreshed'])
  await alice.expectNothing()
})

test('a refresh by request is the same as a packet', async () => {
  const chat = await startChat({ NESTWIRE_PRESENCE_INTERVAL_MS: '60000' })
  const { alice, leftMs } = await withToken(chat, 10)
  const before = (await alice.request('auth.whoami')) as { readonly session: string }
  const token = await chat.tokenOf('alice', { ttlSeconds: 600 })
  expect(await alice.request('auth.login', { token })).toMatchObject({ user: 'alice', session: before.session })
  chat.clock.advance(leftMs + 1_000)
  await alice.event('rooms.presence')
  await alice.expectNothing()
})

test('a refresh with the token of somebody else is refused and changes nothing', async () => {
  const chat = await startChat()
  const { alice } = await withToken(chat, 10)
  const token = await chat.tokenOf('bob')
  expect(await alice.refusalOf((correlation) => auth(token, correlation))).toBe('USER_MISMATCH')
  expect(await alice.refusal('auth.login', { token })).toBe('USER_MISMATCH')
  expect(await alice.request('auth.whoami')).toMatchObject({ user: 'alice' })
  await alice.says('lobby', 'still me')
  await alice.hears('lobby', ['still me'])
})

test('a bad refresh is refused and the old expiry stands', async () => {
  const chat = await startChat({ NESTWIRE_PRESENCE_INTERVAL_MS: '60000' })
  const { alice, leftMs } = await withToken(chat, 10)
  expect(await alice.refusalOf((correlation) => auth('nonsense', correlation))).toBe('TOKEN_INVALID')
  chat.clock.advance(leftMs - 500)
  await alice.event('rooms.presence')
  await alice.expectNothing()
  chat.clock.advance(1_000)
  await alice.expectClosed('TokenExpired')
})

test('a silent person who answers pings stays', async () => {
  const chat = await startChat({ NESTWIRE_PING_INTERVAL_MS: '1000', NESTWIRE_IDLE_TIMEOUT_MS: '3000' })
  const alice = await chat.connect('alice')
  for (let round = 0; round < 6; round += 1) {
    chat.clock.advance(1_250)
    const { correlation } = await alice.expect('ping')
    alice.send({ kind: 'pong', correlation })
    await alice.expectNothing()
  }
})

test('somebody who answers nothing is given up', async () => {
  const chat = await startChat({ NESTWIRE_PING_INTERVAL_MS: '1000', NESTWIRE_IDLE_TIMEOUT_MS: '3000' })
  const alice = await chat.connect('alice')
  chat.clock.advance(3_250)
  await alice.expect('ping')
  await alice.expectClosed('IdleTimeout')
})

test('a server that goes away tells everybody where they stand', async () => {
  const chat = await startChat()
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  await alice.says('lobby', 'last words')
  const drained = chat.drain()
  for (const person of [alice, bob]) {
    await person.hears('lobby', person === alice ? ['+bob', 'last words'] : ['last words'])
    expect(closeCodeName((await person.expect('goAway')).code)).toBe('ShuttingDown')
    const close = await person.expectClosed('ShuttingDown')
    expect(retryClassOf(close.code)).toBe('later')
    person.end()
  }
  await drained
  expect(chat.sessionCount()).toBe(0)
})
