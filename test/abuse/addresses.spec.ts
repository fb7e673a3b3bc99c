/** What one address may take, while others have all of theirs. */
import { expect, test } from 'vitest'
import { AbuseCounters } from '../../src/abuse/abuse-counters.js'
import type { Environment } from '../../src/config/load-settings.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { auth, resume } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'
import { Feature } from '../../src/protocol/constants.js'

const CROWDED = '127.0.0.2'
const OTHER = '127.0.0.3'

const startStrict = (env: Environment = {}): Promise<Chat> =>
  startChat({ NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1', ...env })

const refusedBy = ({ app }: Chat) => app.get(AbuseCounters, { strict: false }).refused
const countersOf = ({ app }: Chat) => app.get(AbuseCounters, { strict: false })

async function enters(chat: Chat, address: string): Promise<RawClient> {
  const client = await RawClient.connectFrom(address, chat.port)
  client.send(hello())
  await client.expect('welcome')
  return client
}

async function isRefused(chat: Chat, address: string): Promise<number> {
  const client = await RawClient.connectFrom(address, chat.port)
  const { retryAfterMs } = await client.expectClosed('TooManyConnections')
  client.end()
  return retryAfterMs
}

/** A login with a token of nobody. */
async function guesses(chat: Chat, address: string): Promise<RawClient> {
  const client = await enters(chat, address)
  client.send(auth('nonsense', 1))
  await client.expectClosedAtLast('AuthRejected')
  client.end()
  return client
}

test('an address has as many connections as it may, and the next when one has gone', async () => {
  const chat = await startStrict({ NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '2' })
  const first = await enters(chat, CROWDED)
  await enters(chat, CROWDED)
  expect(await isRefused(chat, CROWDED)).toBe(30_000)
  await enters(chat, OTHER)
  first.reset()
  await expect.poll(() => chat.server.connectionCount).toBe(2)
  await enters(chat, CROWDED)
  await isRefused(chat, CROWDED)
  expect(refusedBy(chat)).toMatchObject({ connectionsPerAddress: 2, connectsPerAddress: 0 })
})

test('an address opens as many connections in a minute as it may', async () => {
  const chat = await startStrict({ NESTWIRE_CONNECTS_PER_ADDRESS_PER_MINUTE: '3' })
  for (let count = 0; count < 3; count += 1) (await enters(chat, CROWDED)).reset()
  expect(await isRefused(chat, CROWDED)).toBe(20_000)
  await enters(chat, OTHER)
  chat.clock.advance(19_999)
  expect(await isRefused(chat, CROWDED)).toBe(1)
  chat.clock.advance(1)
  await enters(chat, CROWDED)
  await isRefused(chat, CROWDED)
  expect(refusedBy(chat)).toMatchObject({ connectionsPerAddress: 0, connectsPerAddress: 3 })
})

test('a trusted address is counted by no address', async () => {
  const limits = { NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1', NESTWIRE_CONNECTS_PER_ADDRESS_PER_MINUTE: '1' }
  const chat = await startStrict({ ...limits, NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1' })
  for (let count = 0; count < 3; count += 1) await guesses(chat, '127.0.0.1')
  await enters(chat, '127.0.0.1')
  await enters(chat, CROWDED)
  await isRefused(chat, CROWDED)
  expect(countersOf(chat)).toMatchObject({ authFailures: 3, backoffsBegun: 0 })
})

test('who became trusted while connected, and who is no longer, is given back what it took', async () => {
  const chat = await startStrict({ NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1' })
  const counted = await enters(chat, CROWDED)
  const free = await enters(chat, '127.0.0.1')
  const trusting = (ranges: readonly string[]): void => {
    const { current } = chat.settings
    chat.settings.swap({ ...current, abuse: { ...current.abuse, trustedAddresses: ranges } })
  }
  trusting([`${CROWDED}/32`])
  const second = await enters(chat, CROWDED)
  for (const client of [counted, free, second]) client.reset()
  await expect.poll(() => chat.server.connectionCount).toBe(0)
  trusting([])
  await enters(chat, CROWDED)
  await isRefused(chat, CROWDED)
  await enters(chat, '127.0.0.1')
})

test('after so many failed logins an address is refused, for a time', async () => {
  const chat = await startStrict({ NESTWIRE_AUTH_FAILURES_PER_MINUTE: '3', NESTWIRE_BACKOFF_MS: '4000' })
  await guesses(chat, CROWDED)
  await guesses(chat, CROWDED)
  const early = await enters(chat, CROWDED)
  await guesses(chat, CROWDED)
  const late = await RawClient.connectFrom(CROWDED, chat.port)
  expect(await late.expectClosed('BackedOff')).toMatchObject({ retryAfterMs: 4_000 })
  // One that was open before is not asked for its token any more,
  early.send(auth(await chat.tokenOf('alice'), 1))
  expect(await early.expectClosedAtLast('BackedOff')).toMatchObject({ retryAfterMs: 4_000 })
  await enters(chat, OTHER)
  chat.clock.advance(4_000)
  await enters(chat, CROWDED)
  expect(countersOf(chat)).toMatchObject({ authFailures: 3, backoffsBegun: 1, refused: { backedOff: 2 } })
})

test('who is logged in already stays, and is told when to refresh', async () => {
  const chat = await startStrict({ NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1', NESTWIRE_BACKOFF_MS: '4000' })
  const alice = await enters(chat, CROWDED)
  const token = await chat.tokenOf('alice')
  await alice.ask(auth(token, 1), 'authOk')
  await guesses(chat, CROWDED)
  expect(await alice.ask(auth(token, 2), 'error')).toMatchObject({ retryAfterMs: 4_000 })
  await alice.expectNothing()
  chat.clock.advance(4_000)
  await alice.ask(auth(token, 3), 'authOk')
})

test('a login that succeeds makes no failure undone', async () => {
  const chat = await startStrict({ NESTWIRE_AUTH_FAILURES_PER_MINUTE: '2' })
  await guesses(chat, CROWDED)
  await (await enters(chat, CROWDED)).ask(auth(await chat.tokenOf('alice'), 1), 'authOk')
  await guesses(chat, CROWDED)
  await (await RawClient.connectFrom(CROWDED, chat.port)).expectClosed('BackedOff')
})

test('a token that was good once is no failure, a ticket of nobody is one', async () => {
  const chat = await startStrict({ NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1' })
  const expired = await chat.tokenOf('alice', { ttlSeconds: 1 })
  chat.clock.advance(10_000)
  const late = await enters(chat, CROWDED)
  late.send(auth(expired, 1))
  await late.expectClosedAtLast('AuthRejected')
  const guest = await RawClient.connectFrom(CROWDED, chat.port)
  guest.send(hello({ features: Feature.Resume }), resume(Buffer.from('nonsense'), [], 1))
  await guest.find(({ kind }) => kind === 'error')
  await (await RawClient.connectFrom(CROWDED, chat.port)).expectClosed('BackedOff')
})

test('256 at a time are told that they are refused, the next are cut, and others come in meanwhile', async () => {
  const chat = await startStrict({
    NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1',
    // Whoever lingers takes nobody's place.
    NESTWIRE_MAX_CONNECTIONS: '2',
  })
  await enters(chat, CROWDED)
  for (let count = 0; count < 256; count += 1) {
    await (await RawClient.connectFrom(CROWDED, chat.port)).expectClosed('TooManyConnections')
  }
  const cut = await RawClient.connectFrom(CROWDED, chat.port)
  expect(await cut.next()).toBeUndefined()
  await enters(chat, OTHER)
})

test.each(['10.0.0.0/33', '10.0.0', 'localhost', '2001:db8::/129', '10.0.0.1, 10.0.0.2', '10.0.0.1,'])(
  'a trusted address is not %s',
  (text) => {
    expect(() => loadSettings({ NESTWIRE_TRUSTED_ADDRESSES: text })).toThrow('NESTWIRE_TRUSTED_ADDRESSES must be like')
  },
)

test('trusted addresses are addresses and networks, or none', () => {
  const trusted = (text: string) => loadSettings({ NESTWIRE_TRUSTED_ADDRESSES: text }).abuse.trustedAddresses
  expect(trusted('10.0.0.0/8,192.0.2.7,2001:db8::/32')).toEqual(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32'])
  expect(trusted('none')).toEqual([])
})
