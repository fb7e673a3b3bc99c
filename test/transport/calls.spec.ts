import { once } from 'node:events'
import { Controller, Logger } from '@nestjs/common'
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices'
import { NEVER, Observable, concat, from, of, throwError } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { publishCompactRoute } from '../../src/chat/chat-compact-route.js'
import type { SendReply } from '../../src/chat/chat.contract.js'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { trustedSeq } from '../../src/protocol/ids.js'
import type { Packet, Request } from '../../src/protocol/packets.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import { publish } from '../support/client-packets.js'
import { startTransport } from '../support/transport-harness.js'

const seen: unknown[] = []
let unsubscribed = 0

@Controller()
class CallsController {
  @MessagePattern('sum')
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0)
  }
  @MessagePattern({ cmd: 'later', v: 1 })
  async later(@Payload() value: unknown): Promise<unknown> {
    await Promise.resolve()
    return value
  }
  @MessagePattern('count')
  count(@Payload() to: number): Observable<number> {
    return from(Array.from({ length: to }, (_, index) => index + 1))
  }
  @MessagePattern('empty')
  empty(): Observable<never> {
    return from([])
  }
  @MessagePattern('nothing')
  nothing(): void {}
  @MessagePattern('breaks')
  breaks(): Observable<unknown> {
    return concat(
      of('first'),
      throwError(() => new RpcException({ reason: 'half way' })),
    )
  }
  @MessagePattern('refuse.text')
  refuseText(): never {
    throw new RpcException('no')
  }
  @MessagePattern('refuse.object')
  refuseObject(): never {
    throw new RpcException({ status: 'error', why: 'because' })
  }
  @MessagePattern('crash')
  crash(): never {
    throw new Error('secret detail')
  }
  @MessagePattern('unsendable')
  unsendable(): unknown {
    return { self: () => undefined }
  }
  @MessagePattern('unsendable.later')
  unsendableLater(): Observable<unknown> {
    return from(['a private word', { note: 'a private word', self: () => undefined }, 'never'])
  }
  @MessagePattern('ends.badly')
  endsBadly(): Observable<never> {
    return new Observable<never>(() => () => {
      throw new Error('a teardown that fails')
    })
  }
  @MessagePattern('never')
  never(): Observable<never> {
    return new Observable<never>((subscriber) => {
      const inner = NEVER.subscribe(subscriber)
      return () => {
        unsubscribed += 1
        inner.unsubscribe()
      }
    })
  }
  @MessagePattern('metadata')
  metadata(@Ctx() context: NestwireContext): unknown {
    return [context.getPattern(), context.getMetadata(), context.getPriority(), context.getConnection().id.length > 0]
  }
  @MessagePattern('deadline')
  deadline(@Ctx() context: NestwireContext): number | undefined {
    return context.getDeadlineAtMs()
  }
  @MessagePattern('abandoned')
  async abandoned(@Ctx() context: NestwireContext): Promise<void> {
    await once(context.signal, 'abort')
    seen.push(context.isAbandoned)
  }
  @MessagePattern('chat.send')
  send(): SendReply {
    return { seq: trustedSeq(1), timeMs: 0 }
  }
  @EventPattern('happened')
  happened(@Payload() data: unknown): void {
    seen.push(data)
  }
}

const start = (): ReturnType<typeof startTransport> =>
  startTransport({ module: { controllers: [CallsController] }, compactRoutes: [publishCompactRoute] })

/** What is logged at level error from now on: text and fields. */
function errorLines(): readonly unknown[] {
  const lines: unknown[] = []
  const ignore = (): void => undefined
  Logger.overrideLogger({ log: ignore, warn: ignore, error: (text: unknown, fields) => lines.push([text, fields]) })
  onTestFinished(() => Logger.overrideLogger(false))
  return lines
}

const request = (pattern: string, data?: unknown, over: Partial<Request> = {}): Packet => ({
  kind: 'request',
  correlation: 1,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern,
  body: encodeBody(data),
  ...over,
})

test('answers a request with the value of its handler', async () => {
  const client = await (await start()).greeted()
  const reply = await client.ask(request('sum', [1, 2, 3]), 'reply')
  expect(decodeBody(reply.body)).toBe(6)
})

test('finds an object pattern however its keys are ordered', async () => {
  const client = await (await start()).greeted()
  const sorted = await client.ask(request('{"cmd":"later","v":1}', 'a'), 'reply')
  const unsorted = await client.ask(request('{"v":1,"cmd":"later"}', 'b', { correlation: 2 }), 'reply')
  expect([decodeBody(sorted.body), decodeBody(unsorted.body)]).toEqual(['a', 'b'])
})

test('streams an Observable value by value and ends it', async () => {
  const client = await (await start()).greeted()
  client.send(request('count', 3))
  const values = [await client.expect('next'), await client.expect('next'), await client.expect('next')]
  expect(values.map(({ body }) => decodeBody(body))).toEqual([1, 2, 3])
  await client.expect('end')
})

test('ends an empty Observable without a value', async () => {
  const client = await (await start()).greeted()
  await client.ask(request('empty'), 'end')
})

test('answers a handler without a value with an empty reply', async () => {
  const client = await (await start()).greeted()
  expect((await client.ask(request('nothing'), 'reply')).body).toHaveLength(0)
})

test('fails a stream in the middle with what the filter made of it', async () => {
  const client = await (await start()).greeted()
  client.send(request('breaks'))
  await client.expect('next')
  const error = await client.expect('error')
  expect(decodeBody(error.body)).toEqual({ reason: 'half way' })
})

test('answers an RpcException of a string as Nest does', async () => {
  const client = await (await start()).greeted()
  const error = await client.ask(request('refuse.text'), 'error')
  expect(error.code).toBe(ErrorCode.Application)
  expect(decodeBody(error.body)).toEqual({ status: 'error', message: 'no' })
})

test('answers an RpcException of an object untouched', async () => {
  const client = await (await start()).greeted()
  const error = await client.ask(request('refuse.object'), 'error')
  expect(decodeBody(error.body)).toEqual({ status: 'error', why: 'because' })
})

test('masks any other error', async () => {
  const client = await (await start()).greeted()
  const error = await client.ask(request('crash'), 'error')
  expect(decodeBody(error.body)).toEqual({ status: 'error', message: 'Internal server error' })
})

test('answers a result that cannot be sent with INTERNAL', async () => {
  const client = await (await start()).greeted()
  const error = await client.ask(request('unsendable'), 'error')
  expect(error.code).toBe(ErrorCode.Internal)
  await client.expectNothing()
})

test.each([
  ['unsendable', []],
  ['unsendable.later', ['next']],
])('one line of the log tells of a result of %s that cannot be sent, without it', async (pattern, before) => {
  const { greeted } = await start()
  const lines = errorLines()
  const client = await greeted()
  client.send(request(pattern))
  const kinds = []
  for (const _ of [...before, 'error']) kinds.push((await client.next())?.kind)
  expect(kinds).toEqual([...before, 'error'])
  await client.expectNothing()
  const text = 'an answer of a handler cannot be sent: a function has no MessagePack form'
  const fields = { connection: expect.any(String), user: undefined, pattern, trace: undefined, code: 'INTERNAL' }
  expect(lines).toEqual([[text, fields]])
})

test('a stream whose teardown fails keeps no connection from ending', async () => {
  const { greeted, server } = await start()
  const client = await greeted()
  client.send(request('ends.badly'), request('never', undefined, { correlation: 2 }))
  await expect.poll(() => server.requests.inFlight).toBe(2)
  const lines = errorLines()
  client.reset()
  await expect.poll(() => [server.connectionCount, server.requests.inFlight]).toEqual([0, 0])
  expect(lines).toHaveLength(1)
})

test('answers an unknown pattern with NO_HANDLER', async () => {
  const client = await (await start()).greeted()
  const error = await client.ask(request('nobody.home'), 'error')
  expect(error.code).toBe(ErrorCode.NoHandler)
  expect(error.message).toBe('There is no matching message handler defined in the remote service.')
})

test('answers a body that is no MessagePack with BAD_BODY and lives on', async () => {
  const client = await (await start()).greeted()
  const error = await client.ask(request('sum', 0, { body: Buffer.from('c1', 'hex') }), 'error')
  expect(error.code).toBe(ErrorCode.BadBody)
  await client.expectNothing()
})

test('tells the handler pattern, metadata and priority', async () => {
  const client = await (await start()).greeted()
  const reply = await client.ask(request('metadata', 0, { metadata: { traceparent: '00-1' }, priority: 2 }), 'reply')
  expect(decodeBody(reply.body)).toEqual(['metadata', { traceparent: '00-1' }, 'low', true])
})

test('runs an event handler and answers nothing', async () => {
  const client = await (await start()).greeted()
  const event = { priority: 0, metadata: undefined, pattern: 'happened' } as const
  client.send({ kind: 'event', ...event, body: encodeBody({ n: 1 }) })
  client.send({ kind: 'event', ...event, pattern: 'nobody.listens', body: encodeBody(1) })
  await client.expectNothing()
  expect(seen).toContainEqual({ n: 1 })
})

test('stops a cancelled stream and says nothing more of it', async () => {
  unsubscribed = 0
  const client = await (await start()).greeted()
  client.send(request('never'), { kind: 'cancel', correlation: 1 })
  await client.expectNothing()
  // The correlation is free again, so the cancelled call is gone.
  const reply = await client.ask(request('sum', [1]), 'reply')
  expect(reply.correlation).toBe(1)
  expect(unsubscribed).toBeLessThanOrEqual(1)
})

test('unsubscribes from a running stream when it is cancelled', async () => {
  unsubscribed = 0
  const client = await (await start()).greeted()
  client.send(request('never'))
  await client.expectNothing()
  client.send({ kind: 'cancel', correlation: 1 })
  await client.expectNothing()
  expect(unsubscribed).toBe(1)
})

test('unsubscribes from running streams when the connection ends', async () => {
  unsubscribed = 0
  const harness = await start()
  const client = await harness.greeted()
  client.send(request('never'))
  await client.expectNothing()
  client.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' })
  await client.expectClosed('Normal')
  expect(unsubscribed).toBe(1)
})

test('answers DEADLINE_EXCEEDED when the caller has stopped waiting', async () => {
  const harness = await start()
  const client = await harness.greeted()
  client.send(request('never', 0, { deadlineMs: 5_000 }))
  await client.expectNothing()
  harness.clock.advance(4_000)
  await client.expectNothing()
  harness.clock.advance(1_500)
  expect((await client.expect('error')).code).toBe(ErrorCode.DeadlineExceeded)
})

test('tells the handler when its caller stops waiting', async () => {
  const harness = await start()
  const client = await harness.greeted()
  const limited = await client.ask(request('deadline', 0, { deadlineMs: 5_000 }), 'reply')
  expect(decodeBody(limited.body)).toBe(harness.clock.now() + 5_000)
  const patient = await client.ask(request('deadline', 0, { correlation: 2 }), 'reply')
  expect(decodeBody(patient.body)).toBeUndefined()
})

test.each(['a CANCEL', 'its deadline', 'its connection'])('%s aborts the signal of a handler', async (end) => {
  const { clock, server, greeted } = await start()
  const client = await greeted()
  const before = seen.length
  client.send(request('abandoned', 0, { deadlineMs: 1_000 }))
  await client.ask(request('sum', [1], { correlation: 2 }), 'reply')
  if (end === 'a CANCEL') client.send({ kind: 'cancel', correlation: 1 })
  else if (end === 'its deadline') clock.advance(1_500)
  else client.socket.resetAndDestroy()
  await expect.poll(() => seen.slice(before)).toEqual([true])
  expect(server.requests.inFlight).toBe(0)
})

test('closes a connection that reuses a correlation in flight', async () => {
  const client = await (await start()).greeted()
  client.send(request('never'), request('never'))
  await client.expectClosed('CorrelationInUse')
})

test('a PUBLISH with the correlation of a request in flight closes the connection, and ends the request', async () => {
  const { server, greeted } = await start()
  const client = await greeted()
  const before = unsubscribed
  client.send(request('never'))
  await client.ask(request('sum', [1], { correlation: 2 }), 'reply')
  client.send(publish('lobby', 'hello', 1))
  await client.expectClosed('CorrelationInUse')
  expect([unsubscribed - before, server.requests.inFlight]).toEqual([1, 0])
})

test('answers what was asked before the client ended its side', async () => {
  const client = await (await start()).greeted()
  client.send(request('sum', [20, 22]))
  client.end()
  expect(decodeBody((await client.expect('reply')).body)).toBe(42)
  await client.expectClosed('Normal')
})
