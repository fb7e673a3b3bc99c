/** The connections of a `NestwireClient`: how many there are, which one a call takes, who waits and for how long. */
import { lastValueFrom, retry } from 'rxjs'
import { expect, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import type { WireLimits } from '../../src/protocol/packets.js'
import { NestwireClient, type NestwireClientOptions } from '../../src/transport/nestwire-client.js'
import { ScriptedServer, at, startServers, type ServedConnection } from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { ask, clientOf, failureOf } from './nest-apps.js'

const enter = (server: ScriptedServer, limits: WireLimits = {}): Promise<ServedConnection> =>
  server.greet({ authentication: 'none', limits })

/** A client whose clock the test turns, and a server whose packets it writes. */
async function meet(options: NestwireClientOptions = {}) {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  return { clock, server, client: clientOf(server.port, { clock, random: () => 0, ...options }) }
}

/** What a client leaves free of the requests that a server takes at once. */
const SPARE = 2

/** Connected, to a server that leaves room for so many calls at once. */
async function meetWithRoomFor(calls: number, options: NestwireClientOptions = {}) {
  const scene = await meet(options)
  const limits = { maxInFlightRequests: calls + SPARE }
  const [served] = await Promise.all([enter(scene.server, limits), scene.client.connect()])
  return { ...scene, served }
}

async function answer(served: ServedConnection, value: unknown): Promise<void> {
  const { correlation } = await served.expect('request')
  served.send({ kind: 'reply', correlation, body: encodeBody(value) })
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test.each([{ min: 0 }, { min: 2 }, { max: 64 }])('takes %o as numbers of connections', (connections) => {
  expect(new NestwireClient({ connections }).pool.connections).toBe(0)
})

test.each([{ max: 65 }, { max: 0 }, { min: 2, max: 1 }, { min: -1 }, { max: 1.5 }])(
  'refuses %o as numbers of connections',
  (connections) => {
    expect(() => new NestwireClient({ connections })).toThrow(expect.objectContaining({ code: 'BAD_FIELD' }))
  },
)

test('the first call opens min connections, one after the other', async () => {
  const { server, client } = await meet({ connections: { min: 2, max: 3 } })
  const call = ask(client, 'echo', 1)
  const first = await enter(server)
  const second = await enter(server)
  await answer(first, 'heard')
  expect(await call).toBe('heard')
  await second.expectNothing()
  expect(client.pool).toMatchObject({ connections: 2, connecting: 0 })
})

test('another connection is opened while all are in use, up to max', async () => {
  const { server, client } = await meet({ connections: { max: 2 } })
  const calls = [ask(client, 'echo', 1)]
  const first = await enter(server)
  const one = await first.expect('request')
  calls.push(ask(client, 'echo', 2))
  const second = await enter(server)
  const two = await first.expect('request')
  await expect.poll(() => client.pool.connections).toBe(2)
  calls.push(ask(client, 'echo', 3))
  const three = await second.expect('request')
  expect(client.pool).toMatchObject({ connections: 2, connecting: 0, inFlight: 3 })
  for (const { correlation } of [one, two]) first.send({ kind: 'reply', correlation, body: encodeBody(0) })
  second.send({ kind: 'reply', correlation: three.correlation, body: encodeBody(0) })
  await Promise.all(calls)
})

test('another connection is opened while what waits to be written fills all there are', async () => {
  const { server, client } = await meet({ connections: { max: 2 }, maxOutboxBytes: 128 * 1024 })
  const connected = client.connect()
  const first = await enter(server)
  await connected
  first.socket.pause()
  const large = 'x'.repeat(32 * 1024)
  // More than the kernel takes of what nobody reads yet.
  for (let number = 0; number < 400; number += 1) client.emit('news', large)
  expect(client.pool).toMatchObject({ inFlight: 0, connecting: 1 })
  const second = await enter(server)
  expect(await second.expect('event')).toMatchObject({ pattern: 'news' })
  first.socket.resume()
  await expect.poll(() => client.pool).toMatchObject({ connections: 2, waiting: 0 })
})

test('a server that refuses another connection for a time is left alone so long', async () => {
  const { clock, server, client } = await meet({ connections: { max: 2 } })
  const held = Promise.allSettled([ask(client, 'held', 1), ask(client, 'held', 2)])
  const first = await enter(server)
  for (const _ of [1, 2]) await first.expect('request')
  const second = await server.accept()
  second.closeWith(CloseCode.ServerFull, { retryAfterMs: 10_000 })
  await expect.poll(() => client.pool).toMatchObject({ connections: 1, connecting: 0 })
  for (const stepMs of [0, 1000, 1000, 1000, 6999]) {
    clock.advance(stepMs)
    const call = ask(client, 'echo', 1)
    await answer(first, 'heard')
    expect(await call).toBe('heard')
    expect(client.pool.connecting).toBe(0)
  }
  clock.advance(1)
  const call = ask(client, 'echo', 1)
  await answer(first, 'heard')
  expect(await call).toBe('heard')
  await enter(server)
  await expect.poll(() => client.pool.connections).toBe(2)
  expect(server.connections).toHaveLength(3)
  await client.close()
  await held
})

test('calls that wait when the last connection is lost fail with what the server said of another one', async () => {
  const { server, client } = await meet({ connections: { max: 2 } })
  const limits = { maxInFlightRequests: 1 + SPARE }
  const lost = failureOf(client.send('held', 1))
  const first = await enter(server, limits)
  await first.expect('request')
  const waiting = failureOf(client.send('echo', 1))
  const second = await server.accept()
  second.closeWith(CloseCode.ServerFull, { retryAfterMs: 10_000 })
  await expect.poll(() => client.pool).toMatchObject({ connecting: 0, waiting: 1 })
  first.socket.destroy()
  expect(await lost).toMatchObject({ code: 'CONNECTION_LOST' })
  expect(await waiting).toMatchObject({ code: 'SERVER_FULL' })
  expect(server.connections).toHaveLength(2)
})

test('one call at a time needs one connection', async () => {
  const { server, client } = await meet({ connections: { max: 2 } })
  const connected = client.connect()
  const served = await enter(server)
  await connected
  for (let times = 0; times < 3; times += 1) {
    const call = ask(client, 'echo', times)
    await answer(served, times)
    expect(await call).toBe(times)
  }
  expect(client.pool).toMatchObject({ connections: 1, connecting: 0 })
})

test('a connection takes two calls less than its server says, and the next one waits its turn', async () => {
  const { client, served } = await meetWithRoomFor(2)
  const calls = [1, 2, 3].map((number) => ask(client, 'echo', number))
  const first = await served.expect('request')
  await served.expect('request')
  await served.expectNothing()
  expect(client.pool).toMatchObject({ inFlight: 2, waiting: 1 })
  served.send({ kind: 'reply', correlation: first.correlation, body: encodeBody('first') })
  await served.expect('request')
  expect(await calls[0]).toBe('first')
  expect(client.pool).toMatchObject({ inFlight: 2, waiting: 0 })
  const failed = Promise.all(calls.slice(1).map((call) => failureOf(call)))
  await client.close()
  expect(await failed).toMatchObject([{ code: 'CLOSED' }, { code: 'CLOSED' }])
})

test('room that the server grants later is used', async () => {
  const { client, served } = await meetWithRoomFor(1)
  const calls = [1, 2, 3].map((number) => ask(client, 'echo', number))
  const { correlation } = await served.expect('request')
  served.send({ kind: 'limits', limits: { maxInFlightRequests: 2 + SPARE } })
  served.send({ kind: 'reply', correlation, body: encodeBody('first') })
  await answer(served, 'second')
  await answer(served, 'third')
  expect(await Promise.all(calls)).toEqual(['first', 'second', 'third'])
})

test('events and calls that wait keep their order', async () => {
  const { client, served } = await meetWithRoomFor(1)
  const first = ask(client, 'held', 1)
  const { correlation } = await served.expect('request')
  for (const name of ['a', 'b', 'c']) client.emit(name, 1)
  const last = ask(client, 'echo', 1)
  await served.expectNothing()
  served.send({ kind: 'reply', correlation, body: encodeBody(0) })
  await first
  const patterns = [await served.expect('event'), await served.expect('event'), await served.expect('event')]
  expect(patterns.map(({ pattern }) => pattern)).toEqual(['a', 'b', 'c'])
  await answer(served, 'last')
  expect(await last).toBe('last')
})

test('10,000 events that wait are written in one turn', async () => {
  const { server, client } = await meet()
  for (let number = 0; number < 10_000; number += 1) client.emit('news', number)
  const call = ask(client, 'echo', 1)
  const served = await enter(server)
  for (let number = 0; number < 10_000; number += 1) await served.expect('event')
  await answer(served, 'after them')
  expect(await call).toBe('after them')
})

test('a call waits for acquireTimeoutMs, and no longer', async () => {
  const { clock, client, served } = await meetWithRoomFor(1, { acquireTimeoutMs: 1000 })
  const held = failureOf(client.send('held', 1))
  let failure: unknown
  client.send('echo', 1).subscribe({ error: (error: unknown) => (failure = error) })
  await served.expect('request')
  clock.advance(999)
  await settle()
  expect(failure).toBeUndefined()
  clock.advance(11)
  expect(failure).toMatchObject({ name: 'ClientError', code: 'POOL_EXHAUSTED' })
  expect(client.pool).toMatchObject({ waiting: 0, inFlight: 1 })
  await client.close()
  expect(await held).toMatchObject({ code: 'CLOSED' })
})

test('maxWaitingCalls may wait, one more fails at once', async () => {
  const { client, served } = await meetWithRoomFor(1, { maxWaitingCalls: 2 })
  const calls = [1, 2, 3].map((number) => ask(client, 'echo', number))
  expect(await failureOf(client.send('echo', 4))).toMatchObject({ code: 'POOL_EXHAUSTED' })
  for (const number of [1, 2, 3]) await answer(served, number)
  expect(await Promise.all(calls)).toEqual([1, 2, 3])
})

test('a call that gave up waiting is not made', async () => {
  const { client, served } = await meetWithRoomFor(1)
  const first = ask(client, 'echo', 1)
  client.send('given up', 1).subscribe().unsubscribe()
  expect(client.pool.waiting).toBe(0)
  await answer(served, 'heard')
  expect(await first).toBe('heard')
  await served.expectNothing()
})

test('connections above min close after idleConnectionMs without a call, not before', async () => {
  const { clock, server, client } = await meet({ connections: { max: 2 }, idleConnectionMs: 5000 })
  const calls = [ask(client, 'echo', 1)]
  const first = await enter(server)
  const one = await first.expect('request')
  calls.push(ask(client, 'echo', 2))
  const second = await enter(server)
  await expect.poll(() => client.pool.connections).toBe(2)
  const two = await first.expect('request')
  for (const { correlation } of [one, two]) first.send({ kind: 'reply', correlation, body: encodeBody(0) })
  await Promise.all(calls)
  clock.advance(4999)
  await second.expectNothing()
  expect(client.pool.connections).toBe(2)
  clock.advance(11)
  expect(client.pool.connections).toBe(1)
  clock.advance(20_000)
  expect(client.pool.connections).toBe(1)
})

test('a connection that is lost is replaced by the next call', async () => {
  const { server, client } = await meet({ connections: { min: 2 } })
  const connected = client.connect()
  const first = await enter(server)
  const second = await enter(server)
  await connected
  await expect.poll(() => client.pool.connections).toBe(2)
  const statuses: string[] = []
  client.status.subscribe((status) => statuses.push(status))
  first.socket.destroy()
  await expect.poll(() => client.pool.connections).toBe(1)
  const call = ask(client, 'echo', 1)
  await answer(second, 'heard')
  expect(await call).toBe('heard')
  await enter(server)
  await expect.poll(() => client.pool.connections).toBe(2)
  expect(statuses).toEqual(['connected'])
})

test('calls and events that wait when their connection is lost go out on the next one, in order', async () => {
  const { server, client, served } = await meetWithRoomFor(1)
  const lost = failureOf(client.send('held', 1))
  await served.expect('request')
  client.emit('news', 1)
  const call = ask(client, 'echo', 1)
  served.socket.destroy()
  expect(await lost).toMatchObject({ code: 'CONNECTION_LOST' })
  const next = await enter(server)
  expect(await next.expect('event')).toMatchObject({ pattern: 'news' })
  await answer(next, 'heard')
  expect(await call).toBe('heard')
})

test('a call that is made the moment another is lost waits for the next connection', async () => {
  const { server, client, served } = await meetWithRoomFor(1)
  const call = lastValueFrom(client.send('echo', 1).pipe(retry(1)))
  await served.expect('request')
  served.socket.destroy()
  await answer(await enter(server), 'heard')
  expect(await call).toBe('heard')
})

test('calls go on elsewhere while all connections of a server that goes away are replaced', async () => {
  const [going, staying] = await startServers(2)
  const servers = [at(going), at(staying)]
  const client = clientOf(0, { servers, random: () => 0, connections: { min: 2 } })
  const connected = client.connect()
  const old = [await enter(going), await enter(going)]
  await connected
  await expect.poll(() => client.pool.connections).toBe(2)
  for (const served of old) {
    served.send({ kind: 'goAway', code: CloseCode.ShuttingDown, slotMs: 0, deadlineMs: 9000, target: '' })
    await served.expectNothing()
  }
  expect(client.pool).toMatchObject({ connections: 0, leaving: 2 })
  const call = ask(client, 'echo', 1)
  const next = await enter(staying)
  await enter(staying)
  await answer(next, 'heard')
  expect(await call).toBe('heard')
  for (const served of old) served.closeWith(CloseCode.ShuttingDown)
  await expect.poll(() => client.pool).toMatchObject({ connections: 2, leaving: 0 })
  expect(going.connections).toHaveLength(2)
})

test('calls keep away from the connection of a stream', async () => {
  const { server, client } = await meet({ connections: { min: 2 } })
  const connected = client.connect()
  const first = await enter(server)
  const second = await enter(server)
  await connected
  await expect.poll(() => client.pool.connections).toBe(2)
  const stream = client.stream('ticks', 0)
  const tick = stream.next()
  const { correlation, deadlineMs } = await first.expect('request')
  expect(deadlineMs).toBeUndefined()
  first.send({ kind: 'next', correlation, body: encodeBody('tick') })
  expect(await tick).toEqual({ done: false, value: 'tick' })
  const calls = [1, 2, 3].map((number) => ask(client, 'echo', number))
  for (const number of [1, 2, 3]) await answer(second, number)
  expect(await Promise.all(calls)).toEqual([1, 2, 3])
  await stream.return()
  expect(await first.expect('cancel')).toMatchObject({ correlation })
  expect(client.pool.inFlight).toBe(0)
})

test('calls and events wait while half of the outbox is full, in order, and none fails', async () => {
  const { served, client } = await meetWithRoomFor(1_000, { maxOutboxBytes: 128 * 1024 })
  const large = 'x'.repeat(32 * 1024)
  // More than the kernel takes of what nobody reads yet.
  const count = 400
  const calls = Array.from({ length: count - 1 }, (_, index) => ask(client, 'echo', [index, large]))
  const told = lastValueFrom(client.emit('told', [count - 1, large]), { defaultValue: undefined })
  expect(client.pool.waiting).toBeGreaterThan(0)
  for (let index = 0; index < count - 1; index += 1) {
    const { correlation, body } = await served.expect('request')
    expect(decodeBody(body)).toMatchObject([index, large])
    served.send({ kind: 'reply', correlation, body: encodeBody(index) })
  }
  expect(decodeBody((await served.expect('event')).body)).toMatchObject([count - 1, large])
  expect(await Promise.all(calls)).toEqual(Array.from({ length: count - 1 }, (_, index) => index))
  await told
  expect(client.pool).toMatchObject({ waiting: 0, inFlight: 0 })
})

test('what the pool counts reads as Prometheus text', async () => {
  const { client, served, clock } = await meetWithRoomFor(1)
  const calls = [ask(client, 'echo', 1), ask(client, 'echo', 2)]
  clock.advance(200)
  await answer(served, 1)
  const text = () => client.metricsText('shop_stock')
  await answer(served, 2)
  await Promise.all(calls)
  expect(text()).toContain('# TYPE shop_stock_connections gauge\nshop_stock_connections 1\n')
  expect(text()).toContain('shop_stock_calls_in_flight 0\n')
  expect(text()).toContain('shop_stock_acquire_seconds_bucket{le="0.1"} 1\n')
  expect(text()).toContain('shop_stock_acquire_seconds_bucket{le="0.25"} 2\n')
  expect(text()).toContain('shop_stock_acquire_seconds_bucket{le="+Inf"} 2\n')
  expect(text()).toContain('shop_stock_acquire_seconds_sum 0.2\nshop_stock_acquire_seconds_count 2\n')
})
