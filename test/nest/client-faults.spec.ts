/** Misfortunes of a `NestwireClient`: no call hangs, nothing is left behind, and each error says what happened. */
import { Controller } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'
import { NEVER, type Observable } from 'rxjs'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { NestwireClient } from '../../src/transport/nestwire-client.js'
import { deadServer, refused, ScriptedServer, type ServedConnection } from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { ask, clientOf, failureOf, startMicroservice } from './nest-apps.js'

@Controller()
class FaultsController {
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
  @MessagePattern('wait')
  wait(): Observable<never> {
    return NEVER
  }
}

const enter = (server: ScriptedServer): Promise<ServedConnection> => server.greet({ authentication: 'none' })

const NOTHING = { connections: 0, leaving: 0, connecting: 0, inFlight: 0, waiting: 0 }

/** What a call gave, then its error. */
function watch(client: NestwireClient, pattern: string) {
  const values: unknown[] = []
  const error = new Promise((resolve) =>
    client.send(pattern, 0).subscribe({ next: (value) => values.push(value), error: resolve }),
  )
  return { values, error }
}

test('a server that is killed in mid-stream: the values that came, then CONNECTION_LOST', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port)
  const { values, error } = watch(client, 'ticks')
  const served = await enter(server)
  const { correlation } = await served.expect('request')
  served.send(...[1, 2].map((value) => ({ kind: 'next', correlation, body: encodeBody(value) }) as const))
  await served.expectNothing()
  served.socket.resetAndDestroy()
  expect(await error).toMatchObject({ name: 'ConnectionClosedError', code: 'ECONNRESET', cause: expect.any(Error) })
  expect(values).toEqual([1, 2])
  expect(client.pool).toMatchObject(NOTHING)
})

test('a loop over a stream whose server is killed ends with the error', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port)
  const stream = client.stream('ticks', 0)
  const first = stream.next()
  const served = await enter(server)
  const { correlation } = await served.expect('request')
  served.send({ kind: 'next', correlation, body: encodeBody(1) })
  expect(await first).toEqual({ done: false, value: 1 })
  const second = failureOf(stream.next())
  served.socket.destroy()
  expect(await second).toMatchObject({ code: 'CONNECTION_LOST' })
  expect(client.pool).toMatchObject(NOTHING)
})

test('a connection that is open at this end only: IDLE_TIMEOUT for all calls, and the next one connects anew', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { clock, callTimeoutMs: 0, random: () => 0 })
  const calls = [watch(client, 'wait'), watch(client, 'wait')]
  const limits = { pingIntervalMs: 1000, idleTimeoutMs: 3000 }
  const served = await server.greet({ authentication: 'none', limits })
  await served.expect('request')
  await served.expect('request')
  clock.advance(3100)
  for (const { error } of calls) {
    expect(await error).toMatchObject({ name: 'ConnectionClosedError', code: 'IDLE_TIMEOUT' })
  }
  expect(client.pool).toMatchObject(NOTHING)
  expect(clock.timers).toBe(0)
  const call = ask(client, 'echo', 1)
  const next = await enter(server)
  const { correlation } = await next.expect('request')
  next.send({ kind: 'reply', correlation, body: encodeBody('anew') })
  expect(await call).toBe('anew')
})

test('an answer that comes after the deadline is dropped', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { clock, callTimeoutMs: 100 })
  const { error } = watch(client, 'slow')
  const served = await enter(server)
  const { correlation } = await served.expect('request')
  clock.advance(110)
  expect(await error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await served.expect('cancel')
  served.send({ kind: 'reply', correlation, body: encodeBody('too late') })
  await served.expectNothing()
  expect(client.pool).toMatchObject({ connections: 1, inFlight: 0 })
})

test('a server that speaks no version of ours: NO_COMMON_VERSION', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port)
  const { error } = watch(client, 'echo')
  const served = await server.accept()
  await served.expect('hello')
  served.closeWith(CloseCode.NoCommonVersion)
  expect(await error).toMatchObject({ name: 'ServerClosedError', code: 'NO_COMMON_VERSION', retryClass: 'never' })
  expect(client.pool).toMatchObject(NOTHING)
})

test('a server that speaks another protocol: PROTOCOL_ERROR with its cause', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port)
  const { error } = watch(client, 'echo')
  const served = await server.accept()
  served.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  expect(await error).toMatchObject({ code: 'PROTOCOL_ERROR', cause: expect.any(Error) })
  expect(client.pool).toMatchObject(NOTHING)
})

test('a token that expires: TOKEN_EXPIRED for the calls in flight, and a new token for the next one', async () => {
  const server = await ScriptedServer.start()
  let asked = 0
  const client = clientOf(server.port, { token: () => `token ${(asked += 1)}` })
  const { error } = watch(client, 'wait')
  const served = await server.admit()
  await served.expect('request')
  served.closeWith(CloseCode.TokenExpired)
  expect(await error).toMatchObject({ name: 'ServerClosedError', code: 'TOKEN_EXPIRED' })
  const connected = client.connect()
  const next = await server.greet()
  const { token, correlation } = await next.expect('auth')
  expect(token).toBe('token 2')
  next.send(refused(correlation, ErrorCode.TokenExpired))
  expect(await failureOf(connected)).toMatchObject({ name: 'ServerError', code: 'TOKEN_EXPIRED' })
})

test('10,000 calls that are cancelled at once leave nothing on either side', async () => {
  const { client, server } = await startMicroservice({ controllers: [FaultsController] })
  await client.connect()
  const fail = (error: unknown): void => expect.unreachable(String(error))
  const calls = Array.from({ length: 10_000 }, () => client.send('wait', 0).subscribe({ error: fail }))
  await expect.poll(() => server.requests.inFlight).toBe(1022)
  expect(client.pool).toMatchObject({ inFlight: 1022, waiting: 10_000 - 1022 })
  for (const call of calls) call.unsubscribe()
  expect(client.pool).toMatchObject({ connections: 1, inFlight: 0, waiting: 0 })
  expect(await ask(client, 'echo', 'alive')).toBe('alive')
  expect(server.requests.inFlight).toBe(0)
})

test('10,000 calls to a server that is not there share each try to connect', async () => {
  const port = Number((await deadServer()).split(':')[1])
  const client = clientOf(port, { random: () => 0.5 })
  const failures = Array.from({ length: 10_000 }, () => failureOf(client.send('echo', 0)))
  for (const failure of await Promise.all(failures)) expect(failure).toMatchObject({ code: 'ECONNREFUSED' })
  expect(client.pool).toMatchObject(NOTHING)
})

test('calls in a row to a server that ends each connection: one try at a time, ever further apart', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { clock, random: () => 1 })
  const callOften = () => Array.from({ length: 100 }, () => failureOf(client.send('echo', 0)))
  const first = callOften()
  ;(await server.accept()).socket.destroy()
  await Promise.all(first)
  for (const pauseMs of [50, 100, 200]) {
    const tries = server.connections.length
    const calls = callOften()
    clock.advance(pauseMs - 1)
    await new Promise(setImmediate)
    expect(server.connections).toHaveLength(tries)
    clock.advance(1)
    ;(await server.accept()).socket.destroy()
    for (const failure of await Promise.all(calls)) expect(failure).toMatchObject({ name: 'ConnectionClosedError' })
    expect(server.connections).toHaveLength(tries + 1)
  }
})

test('a server that names a time is not asked before it', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { clock, random: () => 0 })
  const first = failureOf(client.send('echo', 0))
  const served = await server.accept()
  await served.expect('hello')
  served.closeWith(CloseCode.ServerFull, { retryAfterMs: 5000 })
  const full = { code: 'SERVER_FULL', retryAfterMs: 5000 }
  expect(await first).toMatchObject(full)
  clock.advance(4999)
  expect(await failureOf(client.send('echo', 0))).toMatchObject(full)
  expect(await failureOf(client.connect())).toMatchObject(full)
  expect(server.connections).toHaveLength(1)
  clock.advance(1)
  const connected = client.connect()
  await enter(server)
  await connected
})
