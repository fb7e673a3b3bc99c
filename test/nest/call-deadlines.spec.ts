/** How long a call of a `NestwireClient` may take, which side ends it, and what is repeated until then. */
import { lastValueFrom } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/free-port.js'
import { encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { NestwireClient, NestwireClientOptions } from '../../src/transport/nestwire-client.js'
import { refused, ScriptedServer, type ServedConnection } from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { ask, clientOf, failureOf } from './nest-apps.js'

const enter = (server: ScriptedServer): Promise<ServedConnection> => server.greet({ authentication: 'none' })

/** A client whose clock the test turns, connected to a server whose packets it writes. */
async function meet(options: NestwireClientOptions = {}) {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { clock, random: () => 0, ...options })
  const [served] = await Promise.all([enter(server), client.connect()])
  return { clock, server, client, served }
}

const reply = (correlation: number, value: unknown) =>
  ({ kind: 'reply', correlation, body: encodeBody(value) }) as const

/** What is due by now has been handled. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The call has failed to connect, and waits before it tries again. */
async function hasTried(client: NestwireClient): Promise<void> {
  await expect.poll(() => client.pool).toMatchObject({ connecting: 0, waiting: 1 })
}

const isIdempotent = (pattern: string): boolean => pattern === 'read'

test('a call without an answer fails at callTimeoutMs, not before, and is cancelled there', async () => {
  const { clock, client, served } = await meet({ callTimeoutMs: 1000 })
  let failure: unknown
  client.send('slow', 1).subscribe({ error: (error: unknown) => (failure = error) })
  const { correlation, deadlineMs } = await served.expect('request')
  expect(deadlineMs).toBe(1000)
  clock.advance(999)
  await settle()
  expect(failure).toBeUndefined()
  clock.advance(11)
  expect(failure).toMatchObject({ name: 'TimeoutError', code: 'DEADLINE_EXCEEDED' })
  expect(await served.expect('cancel')).toMatchObject({ correlation })
  expect(client.pool.inFlight).toBe(0)
})

test.each<[string, NestwireClientOptions, number | undefined]>([
  ['30 s by default', {}, 30_000],
  ['none for 0', { callTimeoutMs: 0 }, undefined],
  ['what a function says of the pattern', { callTimeoutMs: (pattern) => pattern.length }, 4],
  ['a whole number, not less than it says', { callTimeoutMs: 1000.5 }, 1001],
  ['0 for a time that is over', { callTimeoutMs: () => -1 }, 0],
])('the deadline on the wire is %s', async (_what, options, deadlineMs) => {
  const { client, served } = await meet(options)
  const call = ask(client, 'echo', 1)
  const request = await served.expect('request')
  expect(request.deadlineMs).toBe(deadlineMs)
  served.send(reply(request.correlation, 1))
  await call
})

test('a deadline that the server saw first is the same error', async () => {
  const { client, served } = await meet()
  const failure = failureOf(client.send('slow', 1))
  const { correlation } = await served.expect('request')
  served.send(refused(correlation, ErrorCode.DeadlineExceeded))
  expect(await failure).toMatchObject({
    name: 'TimeoutError',
    code: 'DEADLINE_EXCEEDED',
    cause: { name: 'ServerError', code: 'DEADLINE_EXCEEDED' },
  })
})

test('the wait for a connection counts', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { clock, callTimeoutMs: 1000 })
  const first = failureOf(client.send('echo', 1))
  const served = await server.accept()
  await served.expect('hello')
  clock.advance(400)
  const second = ask(client, 'echo', 2)
  clock.advance(610)
  expect(await first).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  served.send({ kind: 'welcome', version: 1, features: 0, authentication: 'none', connection: 'c', limits: {} })
  const { correlation, deadlineMs } = await served.expect('request')
  expect(deadlineMs).toBe(390)
  served.send(reply(correlation, 'in time'))
  expect(await second).toBe('in time')
})

test('an idempotent call is made again when its connection is lost', async () => {
  const { clock, server, client, served } = await meet({ isIdempotent })
  const call = ask(client, 'read', 1)
  await served.expect('request')
  clock.advance(1000)
  served.socket.destroy()
  await expect.poll(() => client.pool.connections).toBe(0)
  clock.advance(1)
  const next = await enter(server)
  const { correlation, deadlineMs } = await next.expect('request')
  expect(deadlineMs).toBe(28_999)
  next.send(reply(correlation, 'again'))
  expect(await call).toBe('again')
})

test('a call that is not idempotent is not made again', async () => {
  const { server, client, served } = await meet({ isIdempotent })
  const failure = failureOf(client.send('write', 1))
  await served.expect('request')
  served.socket.destroy()
  expect(await failure).toMatchObject({ code: 'CONNECTION_LOST' })
  expect(server.connections).toHaveLength(1)
})

test('an idempotent call that is refused for now is made again when the server says', async () => {
  const { clock, client, served } = await meet({ isIdempotent })
  const call = ask(client, 'read', 1)
  const first = await served.expect('request')
  served.send(refused(first.correlation, ErrorCode.RateLimited, 500))
  await served.expectNothing()
  clock.advance(499)
  await served.expectNothing()
  clock.advance(1)
  const { correlation } = await served.expect('request')
  served.send(reply(correlation, 'now'))
  expect(await call).toBe('now')
})

test('an idempotent call fails at once when a repeat would come too late', async () => {
  const { client, served } = await meet({ isIdempotent, callTimeoutMs: 500 })
  const failure = failureOf(client.send('read', 1))
  const { correlation } = await served.expect('request')
  served.send(refused(correlation, ErrorCode.RateLimited, 500))
  expect(await failure).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 500 })
})

test.each([ErrorCode.Forbidden, ErrorCode.Application, ErrorCode.NoHandler])(
  'an idempotent call that is refused with %s is not made again',
  async (code) => {
    const { client, served } = await meet({ isIdempotent })
    const failure = failureOf(client.send('read', 1))
    const { correlation } = await served.expect('request')
    served.send(refused(correlation, code))
    await failure
    await served.expectNothing()
  },
)

test('an idempotent call that has given a value is not made again', async () => {
  const { server, client, served } = await meet({ isIdempotent })
  const failure = failureOf(client.send('read', 1))
  const { correlation } = await served.expect('request')
  served.send({ kind: 'next', correlation, body: encodeBody(1) })
  await served.expectNothing()
  served.socket.destroy()
  expect(await failure).toMatchObject({ code: 'CONNECTION_LOST' })
  expect(server.connections).toHaveLength(1)
})

test('a call without a deadline is repeated eight times', async () => {
  const { clock, client, served } = await meet({ isIdempotent, callTimeoutMs: 0 })
  const failure = failureOf(client.send('read', 1))
  for (let times = 0; times < 9; times += 1) {
    const { correlation } = await served.expect('request')
    served.send(refused(correlation, ErrorCode.Backpressure))
    await served.expectNothing()
    clock.advance(1)
  }
  expect(await failure).toMatchObject({ code: 'BACKPRESSURE' })
  await served.expectNothing()
})

test('a call that nobody awaits any more is not repeated', async () => {
  const { clock, client, served } = await meet({ isIdempotent })
  const call = client.send('read', 1).subscribe()
  const { correlation } = await served.expect('request')
  served.send(refused(correlation, ErrorCode.RateLimited, 500))
  await served.expectNothing()
  call.unsubscribe()
  clock.advance(600)
  await served.expectNothing()
})

test('maxWaitingCalls may pause before a repeat; one more fails with what it was refused with', async () => {
  const { clock, client, served } = await meet({ isIdempotent, maxWaitingCalls: 2 })
  const calls = [ask(client, 'read', 1), ask(client, 'read', 2)]
  const third = failureOf(client.send('read', 3))
  for (const _ of [1, 2, 3]) {
    const { correlation } = await served.expect('request')
    served.send(refused(correlation, ErrorCode.RateLimited, 500))
  }
  expect(await third).toMatchObject({ code: 'RATE_LIMITED' })
  expect(client.pool.waiting).toBe(2)
  clock.advance(500)
  for (const _ of calls) {
    const { correlation } = await served.expect('request')
    served.send(reply(correlation, 'now'))
  }
  expect(await Promise.all(calls)).toEqual(['now', 'now'])
  expect(client.pool.waiting).toBe(0)
})

test('a pause that nobody awaits any more leaves its place', async () => {
  const { client, served } = await meet({ isIdempotent, maxWaitingCalls: 1 })
  const call = client.send('read', 1).subscribe()
  const { correlation } = await served.expect('request')
  served.send(refused(correlation, ErrorCode.RateLimited, 500))
  await served.expectNothing()
  expect(client.pool.waiting).toBe(1)
  call.unsubscribe()
  await expect.poll(() => client.pool.waiting).toBe(0)
})

test('an idempotent call outlives a server that is not there yet', async () => {
  const [clock, port] = [new ManualClock(), await freePort()]
  const client = clientOf(port, { clock, isIdempotent, random: () => 0.1 })
  const call = ask(client, 'read', 1)
  await hasTried(client)
  const server = await ScriptedServer.start(port)
  clock.advance(25)
  const served = await enter(server)
  const { correlation } = await served.expect('request')
  served.send(reply(correlation, 'there'))
  expect(await call).toBe('there')
})

test('an idempotent call whose server never comes fails with what was in the way, as late as it may', async () => {
  const clock = new ManualClock()
  const client = clientOf(await freePort(), { clock, isIdempotent, callTimeoutMs: 200, random: () => 0.1 })
  let failure: unknown
  client.send('read', 1).subscribe({ error: (error: unknown) => (failure = error) })
  for (const pauseMs of [25, 50, 100]) {
    await hasTried(client)
    expect(failure).toBeUndefined()
    clock.advance(pauseMs)
    await settle()
  }
  // The next pause would be 200 ms.
  await expect.poll(() => failure).toMatchObject({ code: 'ECONNREFUSED' })
})

test('ping asks the server, and says whether it drains', async () => {
  const { clock, client, served } = await meet()
  const first = client.ping(1000)
  const { correlation } = await served.expect('ping')
  clock.advance(3)
  served.send({ kind: 'pong', correlation })
  expect(await first).toEqual({ roundTripMs: 3, isDraining: false })
  served.send({ kind: 'goAway', code: 4000, slotMs: 0, deadlineMs: 0, target: '' })
  await served.expectNothing()
  const second = client.ping(1000)
  served.send({ kind: 'pong', correlation: (await served.expect('ping')).correlation })
  expect(await second).toEqual({ roundTripMs: 0, isDraining: true })
})

test('ping fails in its own time, connected or not', async () => {
  const { clock, client, served } = await meet()
  const failure = failureOf(client.ping(100))
  await served.expect('ping')
  clock.advance(110)
  expect(await failure).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  const silent = await ScriptedServer.start()
  const unconnected = clientOf(silent.port, { clock })
  const unanswered = failureOf(unconnected.ping(100))
  await silent.accept()
  clock.advance(110)
  expect(await unanswered).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

test('what a cancelled call held is given back', async () => {
  const { client, served, clock } = await meet()
  onTestFinished(() => expect(client.pool).toMatchObject({ inFlight: 0, waiting: 0 }))
  const call = client.send('slow', 1).subscribe()
  await served.expect('request')
  call.unsubscribe()
  await served.expect('cancel')
  const answered = lastValueFrom(client.send('echo', 1))
  served.send(reply((await served.expect('request')).correlation, 1))
  expect(await answered).toBe(1)
  clock.advance(60_000)
})
