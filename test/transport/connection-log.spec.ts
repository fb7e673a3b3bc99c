/** What the running server writes of connections and calls. */
import { expect, test } from 'vitest'
import type { Environment } from '../../src/config/load-settings.js'
import { encodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import type { Packet } from '../../src/protocol/packets.js'
import { captureOutput } from '../support/captured-output.js'
import { auth, ChatUser, join, request } from '../support/chat-user.js'
import { ManualClock } from '../support/manual-clock.js'
import { hello, RawClient } from '../support/raw-client.js'
import { runApp } from '../support/running-app.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`

async function logOf(env: Environment = {}) {
  const output = captureOutput()
  const clock = new ManualClock()
  const app = await runApp({ NESTWIRE_LOG_JSON: 'true', NESTWIRE_LOG_LEVEL: 'debug', ...env }, clock)
  const lines = (...starts: string[]) =>
    output.json().filter(({ message }) => starts.some((start) => String(message).startsWith(start)))
  return { ...app, ...output, clock, lines }
}

const event = (pattern: string): Packet => {
  return { kind: 'event', priority: 0, metadata: undefined, pattern, body: Buffer.alloc(0) }
}

/** Sends bytes that no client may send, and waits for the end. */
async function sendGarbage(port: number): Promise<void> {
  const client = await RawClient.connect(port)
  client.sendBytes('00 00 00 00 00 00 00 00')
  await client.expectClosed('BadMagic')
}

test('a connection is told when it opens and closes, with who it was and the code', async () => {
  const { address, tokenOf, lines } = await logOf()
  const alice = await ChatUser.login(address.port, await tokenOf('alice'))
  alice.send({ kind: 'close', code: 1000, retryAfterMs: 0, message: '', target: '' })
  await alice.expectClosed('Normal')
  const opened = { level: 'debug', connection: expect.any(String), address: '127.0.0.1' }
  expect(lines('connection ')).toMatchObject([
    { ...opened, message: 'connection opened' },
    { ...opened, message: 'connection closed', user: 'alice', code: 'Normal' },
  ])
})

test('a refused join is told with connection, user, room and code', async () => {
  const { address, tokenOf, lines } = await logOf({ NESTWIRE_ROOMS_OPEN: 'false' })
  const alice = await ChatUser.login(address.port, await tokenOf('alice'))
  await alice.ask(join('lobby', 7), 'error')
  expect(lines('refused')).toMatchObject([
    { level: 'debug', connection: expect.any(String), user: 'alice', room: 'lobby', code: 'ROOM_NOT_FOUND' },
  ])
})

test('a warning of a login that failed says why', async () => {
  const { address, tokenOf, lines } = await logOf({ NESTWIRE_LOG_LEVEL: 'log' })
  const client = await RawClient.greeted(address.port)
  client.send(auth(`${(await tokenOf('alice')).slice(0, -4)}AAAA`, 1))
  await client.expect('error')
  await client.expectClosed('AuthRejected')
  expect(lines('a connection')).toMatchObject([
    { level: 'warn', code: 'AuthRejected', reason: 'authentication failed: TOKEN_INVALID' },
  ])
})

test('who removed whom is told, once', async () => {
  const { address, tokenOf, lines } = await logOf()
  const alice = await ChatUser.login(address.port, await tokenOf('alice'))
  await alice.join('lobby')
  const bob = await ChatUser.login(address.port, await tokenOf('bob'))
  await bob.join('lobby')
  for (const _ of ['banned', 'banned already']) await alice.request('rooms.ban', { room: 'lobby', user: 'bob' })
  const connection: unknown = expect.any(String)
  expect(lines('done')).toMatchObject([
    { level: 'debug', context: 'Rooms', connection, user: 'alice', pattern: 'rooms.ban', room: 'lobby', target: 'bob' },
  ])
})

test('the lines of a request carry the trace of its metadata', async () => {
  const { address, tokenOf, lines } = await logOf()
  const alice = await ChatUser.login(address.port, await tokenOf('alice'))
  const traced: Packet = {
    kind: 'request',
    correlation: 7,
    priority: 0,
    deadlineMs: undefined,
    metadata: { traceparent: TRACEPARENT },
    pattern: 'rooms.info',
    body: encodeBody({ room: 'nowhere' }),
  }
  await alice.ask(traced, 'error')
  await alice.ask(request('rooms.info', { room: 'elsewhere' }, 8), 'error')
  expect(lines('refused').map(({ room, trace }) => [room, trace])).toEqual([
    ['nowhere', TRACE],
    ['elsewhere', undefined],
  ])
})

test('of a flood of bad connections one is told in ten seconds, and how many came besides', async () => {
  const { address, lines, clock } = await logOf({ NESTWIRE_LOG_LEVEL: 'log' })
  for (let count = 0; count < 5; count += 1) await sendGarbage(address.port)
  const first = { level: 'warn', code: 'BadMagic', message: 'a connection was closed with BadMagic' }
  expect(lines('a connection')).toMatchObject([first])
  clock.advance(10_000)
  expect(lines('4 more')).toMatchObject([{ level: 'warn', code: 'BadMagic', more: 4 }])
  await sendGarbage(address.port)
  expect(lines('a connection')).toMatchObject([first, first])
})

test('ends that belong to the life of connections are no warning', async () => {
  const { greeted, address, lines } = await logOf({ NESTWIRE_LOG_LEVEL: 'warn' })
  const client = await greeted()
  client.send({ kind: 'close', code: 1000, retryAfterMs: 0, message: '', target: '' })
  await client.expectClosed('Normal')
  await sendGarbage(address.port)
  expect(lines('a connection')).toHaveLength(1)
})

test('the drain is told with how many connections there were', async () => {
  const { server, greeted, lines, clock } = await logOf()
  await greeted()
  const closed = server.close()
  await expect.poll(() => lines('draining')).toMatchObject([{ level: 'log', connections: 1 }])
  clock.advance(60_000)
  await closed
  expect(lines('drained')).toMatchObject([{ level: 'log', afterMs: expect.any(Number), cut: 0 }])
})

test('the log holds no token, no ticket and no message', async () => {
  const { address, tokenOf, text } = await logOf({ NESTWIRE_LOG_LEVEL: 'verbose' })
  const token = await tokenOf('alice')
  const alice = await ChatUser.login(address.port, token, hello({ features: Feature.Resume }))
  await alice.join('lobby')
  await alice.request('chat.send', { room: 'lobby', text: 'a very private word' })
  alice.send(request('chat.send', { room: 'elsewhere', text: 'a very private word' }, 8))
  await alice.find(({ kind }) => kind === 'error')
  const forged = `${token.slice(0, -4)}AAAA`
  const client = await RawClient.greeted(address.port)
  client.send(auth(forged, 1))
  await client.expect('error')
  await client.expectClosed('AuthRejected')
  expect(text()).toContain('TOKEN_INVALID')
  const tickets = (['base64', 'base64url', 'hex', 'latin1'] as const).map((form) => alice.ticket.toString(form))
  const secrets = [token, forged, token.split('.')[1] ?? '', 'private word', ...tickets]
  expect(secrets).not.toContain('')
  expect(secrets.filter((secret) => text().includes(secret))).toEqual([])
})

test('a hundred unknown events are told, each once', async () => {
  const { address, tokenOf, lines } = await logOf()
  const alice = await ChatUser.login(address.port, await tokenOf('alice'))
  const tell = async (count: number): Promise<number> => {
    alice.send(...Array.from({ length: count }, (_, index) => event(`made up ${index}`)))
    await alice.settled()
    return lines('There is no matching event handler').length
  }
  expect(await tell(99)).toBe(99)
  expect(await tell(100)).toBe(100)
  expect(await tell(101)).toBe(100)
})

test('a name with a line break in it forges no line', async () => {
  const { address, tokenOf, text } = await logOf({ NESTWIRE_LOG_JSON: 'false' })
  const alice = await ChatUser.login(address.port, await tokenOf('alice'))
  await alice.ask(request('rooms.info', { room: 'x\n[Nestwire] 1 - forged' }, 7), 'error')
  alice.send(event('x\n[Nestwire] 1 - forged'))
  await alice.settled()
  expect(text()).toContain('forged')
  expect(text()).not.toMatch(/^\[Nestwire\] 1 - forged/m)
})
