/** `NestwireClient.stream`: a loop that is slow slows the stream down, and holds neither memory nor calls. */
import { Controller } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'
import { Observable, range } from 'rxjs'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { ScriptedServer, type ServedConnection } from '../client/scripted-server.js'
import { ask, clientOf, failureOf, Journal, startMicroservice } from './nest-apps.js'

@Controller()
class StreamController {
  constructor(private readonly journal: Journal) {}
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
  @MessagePattern('count')
  count(@Payload() to: number): Observable<number> {
    return range(1, to)
  }
  @MessagePattern('fails')
  fails(): Observable<number> {
    return new Observable((subscriber) => subscriber.error(new Error('broken')))
  }
  @MessagePattern('watched')
  watched(): Observable<number> {
    return new Observable((subscriber) => {
      subscriber.next(1)
      return () => this.journal.note('torn down')
    })
  }
}

const start = () => startMicroservice({ controllers: [StreamController], providers: [Journal] })

const VALUE = encodeBody('x'.repeat(1000))
const BATCH = 100

/** How many values the client read before it stopped, as the server's socket has it. */
async function pour(served: ServedConnection, correlation: number): Promise<number> {
  let sent = 0
  const isStuck = (): boolean => served.socket.writableLength > 8 * 1024 * 1024
  while (!isStuck() && sent < 40_000) {
    served.send(...Array.from({ length: BATCH }, () => ({ kind: 'next', correlation, body: VALUE }) as const))
    sent += BATCH
    await new Promise(setImmediate)
  }
  return sent
}

test('a loop takes all values in order', async () => {
  const { client } = await start()
  const values: number[] = []
  for await (const value of client.stream<number>('count', 5000)) values.push(value)
  expect(values).toEqual(Array.from({ length: 5000 }, (_, index) => index + 1))
  expect(client.pool.inFlight).toBe(0)
})

test('leaving the loop tears the handler down', async () => {
  const { app, client } = await start()
  for await (const value of client.stream('watched', 0)) {
    expect(value).toBe(1)
    break
  }
  await ask(client, 'echo')
  expect(app.get(Journal).notes).toEqual(['torn down'])
})

test('a stream fails as a call does', async () => {
  const { client } = await start()
  const error = { status: 'error', message: 'Internal server error' }
  expect(await failureOf(client.stream('fails', 0).next())).toEqual(error)
  expect(client.pool.inFlight).toBe(0)
})

test('deadlineMs is the only deadline of a stream', async () => {
  const { client } = await start()
  await client.connect()
  const stream = client.stream('watched', 0, { deadlineMs: 30 })
  expect(await stream.next()).toEqual({ done: false, value: 1 })
  expect(await failureOf(stream.next())).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

test('a loop that takes nothing stops the reading, and goes on where it was', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port)
  const stream = client.stream('pour', 0)
  const first = stream.next()
  const served = await server.greet({ authentication: 'none' })
  const { correlation } = await served.expect('request')
  const sent = await pour(served, correlation)
  await first
  // Far more than a client holds, 1,000 values or 1 MiB, lies in the server and the kernel.
  expect(served.socket.writableLength).toBeGreaterThan(8 * 1024 * 1024)
  served.send({ kind: 'end', correlation })
  let taken = 1
  for await (const value of stream) taken += typeof value === 'string' ? 1 : 0
  expect(taken).toBe(sent)
})

test('calls on the connection of a slow loop are answered, and the loop is told what it lost', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port)
  const stream = client.stream('pour', 0)
  const first = stream.next()
  const served = await server.greet({ authentication: 'none' })
  const { correlation } = await served.expect('request')
  const call = ask(client, 'echo', 1)
  const asked = await served.expect('request')
  await pour(served, correlation)
  await first
  served.send({ kind: 'reply', correlation: asked.correlation, body: encodeBody('answered') })
  expect(await call).toBe('answered')
  const failure = failureOf(
    (async () => {
      for await (const value of stream) expect(value).toBeTypeOf('string')
    })(),
  )
  expect(await failure).toMatchObject({ name: 'ClientError', code: 'STREAM_OVERFLOW' })
  expect(client.pool.inFlight).toBe(0)
})
