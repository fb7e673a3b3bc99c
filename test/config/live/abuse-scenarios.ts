import { expect } from 'vitest'
import { AbuseCounters } from '../../../src/abuse/abuse-counters.js'
import { closeCodeName } from '../../../src/protocol/close-codes.js'
import { auth } from '../../support/chat-user.js'
import { RawClient, hello } from '../../support/raw-client.js'
import { startConfigured, type ConfiguredChat } from '../config-file-app.js'
import type { LiveScenarios } from './live-scenario.js'

const ADDRESS = '127.0.0.2'
const ONLY_THIS = { NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.1' }

/** `welcome`, or the code. */
async function enters({ port }: ConfiguredChat, address = ADDRESS): Promise<string> {
  const client = await RawClient.connectFrom(address, port)
  client.send(hello())
  const answer = await client.next()
  return answer?.kind === 'close' ? closeCodeName(answer.code) : String(answer?.kind)
}

async function guesses({ port }: ConfiguredChat, address = ADDRESS): Promise<void> {
  const client = await RawClient.connectFrom(address, port)
  client.send(hello(), auth('nonsense', 1))
  await client.expectClosedAtLast('AuthRejected')
}

/** How long the address is refused. */
async function backoffMs({ port }: ConfiguredChat, address = ADDRESS): Promise<number> {
  return (await (await RawClient.connectFrom(address, port)).expectClosed('BackedOff')).retryAfterMs
}

/** `authOk`, or the code. */
async function logsIn(chat: ConfiguredChat, user: string): Promise<string> {
  const client = await chat.greeted()
  client.send(auth(await chat.tokenOf(user), 1))
  const answer = await client.find(({ kind }) => kind === 'close' || kind === 'authOk')
  return answer.kind === 'close' ? closeCodeName(answer.code) : answer.kind
}

async function makesRooms(name: 'NESTWIRE_ROOMS_PER_USER_PER_MINUTE' | 'NESTWIRE_ROOMS_PER_MINUTE'): Promise<void> {
  const chat = await startConfigured({ [name]: '1' })
  const alice = await chat.connect('alice')
  await alice.join('one')
  expect(await alice.refusal('rooms.join', { room: 'two' })).toBe('RATE_LIMITED')
  await chat.change({ [name]: '1000' })
  chat.clock.advance(60)
  await alice.join('two')
}

export const abuseScenarios: LiveScenarios = {
  NESTWIRE_TRUSTED_ADDRESSES: async () => {
    const limit = { NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1' }
    const chat = await startConfigured({ ...ONLY_THIS, ...limit })
    expect([await enters(chat), await enters(chat)]).toEqual(['welcome', 'TooManyConnections'])
    await chat.change({ NESTWIRE_TRUSTED_ADDRESSES: '127.0.0.0/8' })
    expect(await enters(chat)).toBe('welcome')
  },
  NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: async () => {
    const chat = await startConfigured({ ...ONLY_THIS, NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1' })
    expect([await enters(chat), await enters(chat)]).toEqual(['welcome', 'TooManyConnections'])
    await chat.change({ NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '2' })
    expect([await enters(chat), await enters(chat)]).toEqual(['welcome', 'TooManyConnections'])
  },
  NESTWIRE_CONNECTS_PER_ADDRESS_PER_MINUTE: async () => {
    const chat = await startConfigured({ ...ONLY_THIS, NESTWIRE_CONNECTS_PER_ADDRESS_PER_MINUTE: '1' })
    expect([await enters(chat), await enters(chat)]).toEqual(['welcome', 'TooManyConnections'])
    await chat.change({ NESTWIRE_CONNECTS_PER_ADDRESS_PER_MINUTE: '1000' })
    chat.clock.advance(60)
    expect(await enters(chat)).toBe('welcome')
  },
  NESTWIRE_MAX_CONNECTIONS_PER_USER: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '1' })
    expect([await logsIn(chat, 'alice'), await logsIn(chat, 'alice')]).toEqual(['authOk', 'TooManyConnections'])
    await chat.change({ NESTWIRE_MAX_CONNECTIONS_PER_USER: '2' })
    expect(await logsIn(chat, 'alice')).toBe('authOk')
  },
  NESTWIRE_LOGINS_PER_USER_PER_MINUTE: async () => {
    const chat = await startConfigured({ NESTWIRE_LOGINS_PER_USER_PER_MINUTE: '1' })
    expect([await logsIn(chat, 'alice'), await logsIn(chat, 'alice')]).toEqual(['authOk', 'TooManyLogins'])
    await chat.change({ NESTWIRE_LOGINS_PER_USER_PER_MINUTE: '1000' })
    chat.clock.advance(60)
    expect(await logsIn(chat, 'alice')).toBe('authOk')
  },
  NESTWIRE_AUTH_FAILURES_PER_MINUTE: async () => {
    const chat = await startConfigured({ ...ONLY_THIS, NESTWIRE_AUTH_FAILURES_PER_MINUTE: '3' })
    await guesses(chat)
    expect(await enters(chat)).toBe('welcome')
    await chat.change({ NESTWIRE_AUTH_FAILURES_PER_MINUTE: '2' })
    await guesses(chat)
    expect(await enters(chat)).toBe('BackedOff')
  },
  NESTWIRE_BACKOFF_MS: async () => {
    const strict = { ...ONLY_THIS, NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1' }
    const chat = await startConfigured({ ...strict, NESTWIRE_BACKOFF_MS: '1000' })
    await guesses(chat)
    expect(await backoffMs(chat)).toBe(1_000)
    await chat.change({ NESTWIRE_BACKOFF_MS: '5000' })
    await guesses(chat, '127.0.0.3')
    expect(await backoffMs(chat, '127.0.0.3')).toBe(5_000)
  },
  NESTWIRE_MAX_BACKOFF_MS: async () => {
    const strict = { ...ONLY_THIS, NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1', NESTWIRE_BACKOFF_MS: '1000' }
    const chat = await startConfigured(strict)
    await guesses(chat)
    chat.clock.advance(1_000)
    await chat.change({ NESTWIRE_MAX_BACKOFF_MS: '1500' })
    await guesses(chat)
    expect(await backoffMs(chat)).toBe(1_500)
  },
  NESTWIRE_ROOMS_PER_USER_PER_MINUTE: () => makesRooms('NESTWIRE_ROOMS_PER_USER_PER_MINUTE'),
  NESTWIRE_ROOMS_PER_MINUTE: () => makesRooms('NESTWIRE_ROOMS_PER_MINUTE'),
  NESTWIRE_ABUSE_MAX_TRACKED: async () => {
    const chat = await startConfigured({ NESTWIRE_LOGINS_PER_USER_PER_MINUTE: '1', NESTWIRE_ABUSE_MAX_TRACKED: '16' })
    const counters = chat.app.get(AbuseCounters, { strict: false })
    for (let user = 0; user < 17; user += 1) await logsIn(chat, `user ${user}`)
    expect(counters.untracked).toBe(1)
    await chat.change({ NESTWIRE_ABUSE_MAX_TRACKED: '17' })
    await logsIn(chat, 'one more')
    expect(counters.untracked).toBe(1)
  },
  NESTWIRE_INBOUND_FRAMES_PER_SECOND: () => sendsTooFast('NESTWIRE_INBOUND_FRAMES_PER_SECOND', '100', 150),
  NESTWIRE_INBOUND_BYTES_PER_SECOND: () => sendsTooFast('NESTWIRE_INBOUND_BYTES_PER_SECOND', '65536', 6_000),
}

async function sendsTooFast(name: string, limit: string, pings: number): Promise<void> {
  const chat = await startConfigured({ [name]: limit })
  const { counters } = chat.server
  const alice = await chat.connect('alice')
  const last = 0x6000_0000 + pings
  for (let sent = 1; sent <= pings; sent += 1) alice.send({ kind: 'ping', correlation: 0x6000_0000 + sent })
  await expect.poll(() => counters.held).toBe(1)
  await chat.change({ [name]: '1000000' })
  chat.clock.advance(250)
  await alice.find((packet) => packet.kind === 'pong' && packet.correlation === last)
  expect(counters.held).toBe(0)
}
