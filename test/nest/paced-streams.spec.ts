/** Async iterables from handlers: the reader of the connection says how fast they are. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import {
  Catch,
  Controller,
  UseFilters,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common'
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices'
import { map, throwError, type Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import type { ConnectionHandle } from '../../src/transport/connection-handle.js'
import { fixedLimits, type TransportLimits } from '../../src/transport/transport-limits.js'
import { RawClient } from '../support/raw-client.js'
import { ask, askForAll, clientOf, failureOf, Gate, Journal, startMicroservice } from './nest-apps.js'

const LIMITS = { maxOutboxBytes: 64 * 1024, maxStreamBufferBytes: 256 * 1024 }
const ROOM_BYTES = LIMITS.maxOutboxBytes / 4
const VALUE_BYTES = 16 * 1000
/** The least that can be set; less than a socket holds before it is full. */
const LEAST_BUFFER_BYTES = 8 * 1024
/** Far more than the streams' buffer, the kernel and the client hold together. */
const MANY_VALUES = 2000

class Doubling implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value: unknown) => (typeof value === 'number' ? value * 2 : value)))
  }
}

@Catch()
class Telling {
  catch(error: Error): Observable<never> {
    return throwError(() => ({ told: error.message }))
  }
}

async function* countTo(last: number): AsyncGenerator<number> {
  for (let value = 1; value <= last; value += 1) yield value
}

async function* failing(error: Error): AsyncGenerator<number> {
  yield 1
  throw error
}

/** An iterator by hand, which is there before anybody asks it, as those of `events.on` are. */
const byHand = (onReturn: () => void): AsyncIterable<number> => ({
  [Symbol.asyncIterator]: () => ({
    next: () => Promise.resolve({ done: false, value: 1 }),
    return: () => {
      onReturn()
      throw new Error('it fails to end')
    },
  }),
})

/** So much waits on the connection. */
function pad(connection: ConnectionHandle, queuedBytes: number): void {
  const event = { kind: 'event', priority: 0, metadata: undefined, pattern: 'padding' } as const
  const emptyBytes = encodePacket({ ...event, body: Buffer.alloc(0) }).length
  connection.offer(encodePacket({ ...event, body: Buffer.alloc(queuedBytes - emptyBytes) }))
  expect(connection.queuedBytes).toBe(queuedBytes)
}

@Controller()
class StreamsController {
  constructor(
    private readonly journal: Journal,
    private readonly gate: Gate,
  ) {}
  mostQueuedBytes = 0

  @MessagePattern('count')
  async *count(@Payload() last: number): AsyncGenerator<number> {
    yield* countTo(last)
  }
  @MessagePattern('count.behind.an.interceptor')
  @UseInterceptors(Doubling)
  intercepted(@Payload() last: number): AsyncIterable<number> {
    return countTo(last)
  }
  @MessagePattern('count.paced.behind.an.interceptor')
  @UseInterceptors(Doubling)
  paced(@Payload() last: number, @Ctx() context: NestwireContext): Observable<number> {
    return context.paced(countTo(last))
  }
  @MessagePattern('large')
  async *large(@Payload() count: number, @Ctx() context: NestwireContext): AsyncGenerator<string> {
    for (let index = 0; index < count; index += 1) {
      this.mostQueuedBytes = Math.max(this.mostQueuedBytes, context.getConnection().queuedBytes)
      yield String(index).padStart(VALUE_BYTES, '0')
    }
  }
  @MessagePattern('endless')
  async *endless(@Payload() value: unknown): AsyncGenerator {
    try {
      for (;;) yield value
    } finally {
      this.journal.note('finally')
    }
  }
  @MessagePattern('fails.by.design')
  failsByDesign(): AsyncIterable<number> {
    return failing(new RpcException({ reason: 'half way' }))
  }
  @MessagePattern('fails')
  @UseFilters(Telling)
  fails(): AsyncIterable<number> {
    return failing(new Error('secret detail'))
  }
  @MessagePattern('fails.paced')
  @UseFilters(Telling)
  failsPaced(@Payload() _: unknown, @Ctx() context: NestwireContext): Observable<number> {
    return context.paced(failing(new Error('half way')))
  }
  @MessagePattern('room')
  room(@Payload() queuedBytes: number, @Ctx() context: NestwireContext): boolean {
    const connection = context.getConnection()
    pad(connection, queuedBytes)
    let hasRoom = false
    connection.whenRoom(() => (hasRoom = true))
    return hasRoom
  }
  @MessagePattern('echo')
  echo(@Payload() value: unknown): unknown {
    return value
  }
  @MessagePattern('by.hand')
  byHand(): AsyncIterable<number> {
    return byHand(() => this.journal.note('return'))
  }
  @MessagePattern('by.hand.late')
  async byHandLate(): Promise<AsyncIterable<number>> {
    await this.gate.pass()
    return this.byHand()
  }
  @EventPattern('happened.last')
  async *happenedLast(@Ctx() context: NestwireContext): AsyncGenerator<number> {
    const connection = context.getConnection()
    pad(connection, ROOM_BYTES + 1)
    process.nextTick(() => connection.close(CloseCode.Normal, 'the end'))
    for (const value of [1, 2]) {
      yield value
      this.journal.note(`past ${value}`)
    }
  }
  @EventPattern('happened.behind.an.interceptor')
  @UseInterceptors(Doubling)
  happenedIntercepted(@Payload() last: number): AsyncGenerator<number> {
    return this.happened(last)
  }
  @EventPattern('happened')
  async *happened(@Payload() last: number): AsyncGenerator<number> {
    for await (const value of countTo(last)) {
      this.journal.note(String(value))
      yield value
    }
  }
}

const start = (limits: Partial<TransportLimits> = {}) =>
  startMicroservice({
    controllers: [StreamsController],
    providers: [Journal, Gate],
    server: { limits: fixedLimits({ ...LIMITS, ...limits }) },
  })

const upTo = (last: number, factor = 1): number[] => Array.from({ length: last }, (_, index) => (index + 1) * factor)

describe('a handler that is an async generator', () => {
  test.each([0, 1, 1000])('streams its %i values in order', async (last) => {
    const { client } = await start()
    expect(await askForAll(client, 'count', last)).toEqual(upTo(last))
  })

  test('waits for a slow reader, and no more than one value is held above the room for streams', async () => {
    const { app, client } = await start()
    let taken = 0
    for await (const value of client.stream<string>('large', MANY_VALUES)) {
      if (taken % 10 === 0) await new Promise(setImmediate)
      expect(Number(value)).toBe(taken)
      taken += 1
    }
    expect(taken).toBe(MANY_VALUES)
    expect(app.get(StreamsController).mostQueuedBytes).toBeGreaterThan(0)
    expect(app.get(StreamsController).mostQueuedBytes).toBeLessThan(ROOM_BYTES + VALUE_BYTES + 100)
  })

  test('does not outrun its reader, however little streams may hold', async () => {
    const { client } = await start({ maxStreamBufferBytes: VALUE_BYTES, maxOutboxBytes: 16 * VALUE_BYTES })
    let taken = 0
    for await (const _ of client.stream('large', MANY_VALUES)) {
      if (taken % 10 === 0) await new Promise(setImmediate)
      taken += 1
    }
    expect(taken).toBe(MANY_VALUES)
  })

  test('does not outrun a reader that stands still, where a socket takes more than streams may hold', async () => {
    const { port, server } = await start({ maxStreamBufferBytes: LEAST_BUFFER_BYTES, maxOutboxBytes: 16 * VALUE_BYTES })
    const arriving = once(server.unwrap(), 'connection') as Promise<[Socket]>
    const reader = await RawClient.greeted(port)
    const [socket] = await arriving
    reader.stopReading()
    const request = { kind: 'request', correlation: 1, priority: 0, pattern: 'large' } as const
    reader.send({ ...request, deadlineMs: undefined, metadata: undefined, body: encodeBody(MANY_VALUES) })
    await expect.poll(() => socket.writableLength).toBeGreaterThan(LEAST_BUFFER_BYTES)
    reader.startReading()
    for (let taken = 0; taken < MANY_VALUES; taken += 1) await reader.expect('next')
    await reader.expect('end')
  })

  test('shares the room with other streams of the connection, in turn', async () => {
    const { app, client } = await start()
    const lengths = await Promise.all(
      Array.from({ length: 8 }, async () => (await askForAll(client, 'large', 100)).length),
    )
    expect(lengths).toEqual(Array.from({ length: 8 }, () => 100))
    expect(app.get(StreamsController).mostQueuedBytes).toBeLessThan(ROOM_BYTES + VALUE_BYTES + 100)
  })

  test('that never waits starves nobody', async () => {
    const { client, port } = await start()
    const endless = client.send('endless', 0).subscribe()
    expect(await ask(clientOf(port), 'echo', 'other connection')).toBe('other connection')
    expect(await ask(client, 'echo', 'same connection')).toBe('same connection')
    endless.unsubscribe()
  })

  test.each([
    ['small', 0],
    ['large, and wait for room', 'x'.repeat(VALUE_BYTES)],
  ])('runs its finally when the reader leaves, with values that are %s', async (_, value) => {
    const { app, client } = await start()
    for await (const first of client.stream('endless', value)) {
      expect(first).toEqual(value)
      break
    }
    await expect.poll(() => app.get(Journal).notes).toEqual(['finally'])
    expect(await ask(client, 'echo', 1)).toBe(1)
  })

  test('runs its finally when the connection is lost', async () => {
    const { app, client } = await start()
    const stream = client.stream('endless', 'x'.repeat(VALUE_BYTES))
    await stream.next()
    await client.close()
    await expect.poll(() => app.get(Journal).notes).toEqual(['finally'])
  })

  test('whose end fails at once holds up the end of nothing else', async () => {
    const { app, client, server } = await start()
    for (const pattern of ['by.hand', 'endless']) {
      const stream = client.stream(pattern, 'x'.repeat(VALUE_BYTES))
      await stream.next()
    }
    await client.close()
    await expect.poll(() => app.get(Journal).notes.toSorted()).toEqual(['finally', 'return'])
    await expect.poll(() => server.connectionCount).toBe(0)
  })

  test('that comes when nobody waits any more is let go', async () => {
    const { app, client } = await start()
    const late = client.send('by.hand.late', 0).subscribe()
    await app.get(Gate).reached
    late.unsubscribe()
    await ask(client, 'echo', 1)
    app.get(Gate).open()
    await expect.poll(() => app.get(Journal).notes).toEqual(['return'])
  })

  test('answers what it throws by design as it is, and hides the rest', async () => {
    const { client } = await start()
    expect(await failureOf(client.send('fails.by.design', 0))).toEqual({ reason: 'half way' })
    expect(await failureOf(client.send('fails', 0))).toEqual({ status: 'error', message: 'Internal server error' })
  })

  test('streams from behind an interceptor, which sees the iterable', async () => {
    const { client } = await start()
    expect(await askForAll(client, 'count.behind.an.interceptor', 3)).toEqual(upTo(3))
  })

  test.each(['happened', 'happened.behind.an.interceptor'])('of the event %s runs to its end', async (pattern) => {
    const { app, client } = await start()
    client.emit(pattern, 3)
    await expect.poll(() => app.get(Journal).notes).toEqual(['1', '2', '3'])
  })
})

test('an event that waits for room when its connection ends runs to its end', async () => {
  const { app, client } = await start()
  client.emit('happened.last', 0)
  await expect.poll(() => app.get(Journal).notes).toEqual(['past 1', 'past 2'])
})

describe('context.paced', () => {
  test('gives interceptors the values', async () => {
    const { client } = await start()
    expect(await askForAll(client, 'count.paced.behind.an.interceptor', 3)).toEqual(upTo(3, 2))
  })

  test('gives filters the failure', async () => {
    const { client } = await start()
    expect(await failureOf(client.send('fails.paced', 0))).toEqual({ told: 'half way' })
  })
})

test.each([
  ['a quarter of the outbox', ROOM_BYTES, true],
  ['one byte more', ROOM_BYTES + 1, false],
])('with %s queued there is room for streams or not', async (_, queuedBytes, hasRoom) => {
  const { client } = await start()
  expect(await ask(client, 'room', queuedBytes)).toBe(hasRoom)
})
