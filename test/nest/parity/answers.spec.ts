/** Requests: what a caller gets, whatever the handler gives, throws or lets go by. */
import { Controller, HttpException, Injectable } from '@nestjs/common'
import { ClientTCP, MessagePattern, Payload, RpcException } from '@nestjs/microservices'
import { EMPTY, concat, from, lastValueFrom, of, range, throwError, toArray, type Observable } from 'rxjs'
import { expect, test } from 'vitest'
import { NestwireClient } from '../../../src/transport/nestwire-client.js'
import { NestwireServer } from '../../../src/transport/nestwire-server.js'
import { fixedLimits, type LimitsSource } from '../../../src/transport/transport-limits.js'
import { NESTWIRE, TCP, differs, onBoth, outcomeOf, startMicroservice, type Transported } from './transports.js'

@Controller()
@Injectable()
class AnswersController {
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
  @MessagePattern('promise')
  async promise(@Payload() data: unknown): Promise<unknown> {
    await Promise.resolve()
    return data
  }
  @MessagePattern('promise.of.stream')
  promiseOfStream(): Promise<Observable<number>> {
    return Promise.resolve(from([1, 2]))
  }
  @MessagePattern('stream')
  stream(@Payload() values: unknown[]): Observable<unknown> {
    return from(values)
  }
  @MessagePattern('range')
  range(@Payload() count: number): Observable<number> {
    return range(0, count)
  }
  @MessagePattern('stream.fails')
  streamFails(): Observable<unknown> {
    return concat(
      of('first', 'second'),
      throwError(() => new RpcException({ at: 'third' })),
    )
  }
  @MessagePattern('stream.holed')
  streamHoled(): Observable<unknown> {
    return of(1, undefined, 2)
  }
  @MessagePattern('empty')
  empty(): Observable<unknown> {
    return EMPTY
  }
  @MessagePattern('undefined')
  undefined(): void {}
  @MessagePattern('null')
  null(): string {
    return 'reads as JSON'
  }
  @MessagePattern('nothing')
  nothing(): unknown {
    return null
  }
  @MessagePattern({ cmd: 'object', nested: { b: 2, a: 1 } })
  object(): string {
    return 'by object'
  }
  @MessagePattern(42)
  number(): string {
    return 'by number'
  }
  @MessagePattern('rpc.text')
  rpcText(): never {
    throw new RpcException('plain words')
  }
  @MessagePattern('rpc.object')
  rpcObject(): never {
    throw new RpcException({ status: 'error', why: ['a', 'b'] })
  }
  @MessagePattern('error')
  error(): never {
    throw new TypeError('secret')
  }
  @MessagePattern('rejects')
  rejects(): Promise<never> {
    return Promise.reject(new Error('secret'))
  }
  @MessagePattern('http')
  http(): never {
    throw new HttpException('I am a teapot', 418)
  }
  @MessagePattern('dated')
  dated(): unknown {
    return { at: new Date(0), not: Number.NaN, gone: undefined, kept: 1 }
  }
  @MessagePattern('bytes')
  bytes(@Payload() sent: unknown): unknown {
    return { cameAsBytes: Buffer.isBuffer(sent), bytes: Buffer.from('hi') }
  }
  @MessagePattern('unsendable')
  unsendable(): unknown {
    return { kept: 1, act: () => undefined }
  }
}

const serverWith = (limits: LimitsSource) => (port: number) => ({ strategy: new NestwireServer({ port, limits }) })

const start = (transport: Transported) => startMicroservice(transport, { controllers: [AnswersController] })

const NO_HANDLER = 'There is no matching message handler defined in the remote service.'
const masked = { status: 'error', message: 'Internal server error' }
const unicode = 'Grüße, 世界 🌍 \u0000 \u2028'

const alike: readonly [what: string, pattern: unknown, data: unknown, expected: unknown][] = [
  ['a value', 'echo', { a: [1, 'two', null, true] }, { values: [{ a: [1, 'two', null, true] }] }],
  ['a promise', 'promise', 'later', { values: ['later'] }],
  ['a promise of a stream', 'promise.of.stream', 0, { values: [1, 2] }],
  ['a stream', 'stream', [1, 'two', { three: 3 }], { values: [1, 'two', { three: 3 }] }],
  ['a stream of null', 'stream', [null, 1], { values: [null, 1] }],
  ['a stream that fails', 'stream.fails', 0, { values: ['first', 'second'], error: { at: 'third' } }],
  ['an empty stream', 'empty', 0, { values: [] }],
  ['no value', 'undefined', 0, { values: [] }],
  ['null', 'nothing', 0, { values: [null] }],
  ['falsy values', 'stream', [0, '', false], { values: [0, '', false] }],
  ['an object pattern', { nested: { a: 1, b: 2 }, cmd: 'object' }, 0, { values: ['by object'] }],
  ['a number pattern', 42, 0, { values: ['by number'] }],
  ['an unknown pattern', 'nobody.home', 0, { values: [], error: NO_HANDLER }],
  ['an unknown object pattern', { cmd: '?' }, 0, { values: [], error: NO_HANDLER }],
  ['an RpcException of a string', 'rpc.text', 0, { values: [], error: { status: 'error', message: 'plain words' } }],
  ['an RpcException of an object', 'rpc.object', 0, { values: [], error: { status: 'error', why: ['a', 'b'] } }],
  ['another error', 'error', 0, { values: [], error: masked }],
  ['a rejected promise', 'rejects', 0, { values: [], error: masked }],
  ['an HttpException', 'http', 0, { values: [], error: masked }],
  ['a payload of 60 kB', 'echo', 'x'.repeat(60_000), { values: ['x'.repeat(60_000)] }],
  ['unicode', 'echo', { [unicode]: unicode }, { values: [{ [unicode]: unicode }] }],
  [
    'numbers',
    'echo',
    [0, -1, 1.5, 2 ** 53 - 1, -(2 ** 53), 1e300],
    { values: [[0, -1, 1.5, 2 ** 53 - 1, -(2 ** 53), 1e300]] },
  ],
  ['undefined fields', 'echo', { a: undefined, b: 1 }, { values: [{ b: 1 }] }],
]

onBoth((transport) => {
  test.each(alike)('carries %s', async (_what, pattern, data, expected) => {
    const { client } = await start(transport)
    expect(await outcomeOf(client, pattern, data)).toStrictEqual(expected)
  })

  test.each([null, undefined])('refuses %s as data or pattern', async (nothing) => {
    const { client } = await start(transport)
    const refused = { values: [], error: { message: expect.stringContaining('invalid data or message pattern') } }
    expect(await outcomeOf(client, 'echo', nothing ?? null)).toMatchObject(refused)
    expect(await outcomeOf(client, nothing, 'data')).toMatchObject(refused)
  })

  test('answers many calls at once', async () => {
    const { client } = await start(transport)
    const calls = Array.from({ length: 100 }, (_, index) => lastValueFrom(client.send('promise', index)))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  test('answers 12,000 pipelined calls, each with its own value', async () => {
    const { client } = await start(transport)
    await client.connect()
    const numbers = Array.from({ length: 12_000 }, (_, index) => index)
    expect(await Promise.all(numbers.map((number) => lastValueFrom(client.send('echo', number))))).toEqual(numbers)
  })

  test('carries a stream of 10,000 values whole and in order', async () => {
    const { client } = await start(transport)
    const values = Array.from({ length: 10_000 }, (_, index) => index)
    expect(await lastValueFrom(client.send('range', values.length).pipe(toArray()))).toEqual(values)
  })

  test('calls again for each subscriber', async () => {
    const { client } = await start(transport)
    const call = client.send<unknown>('stream', [1, 2]).pipe(toArray())
    expect([await lastValueFrom(call), await lastValueFrom(call)]).toEqual([
      [1, 2],
      [1, 2],
    ])
  })
})

const answerOf = async (transport: Transported, pattern: string, data: unknown = 0) =>
  outcomeOf((await start(transport)).client, pattern, data)

differs('dates', {
  TCP: async () =>
    expect(await answerOf(TCP, 'dated')).toEqual({
      values: [{ at: '1970-01-01T00:00:00.000Z', not: null, kept: 1 }],
    }),
  Nestwire: async () =>
    expect(await answerOf(NESTWIRE, 'dated')).toEqual({ values: [{ at: new Date(0), not: Number.NaN, kept: 1 }] }),
})

differs('bytes', {
  TCP: async () =>
    expect(await answerOf(TCP, 'bytes', Buffer.of(1))).toEqual({
      values: [{ cameAsBytes: false, bytes: { type: 'Buffer', data: [104, 105] } }],
    }),
  Nestwire: async () =>
    expect(await answerOf(NESTWIRE, 'bytes', Buffer.of(1))).toEqual({
      values: [{ cameAsBytes: true, bytes: Buffer.from('hi') }],
    }),
})

differs('holesInStreams', {
  TCP: async () => expect(await answerOf(TCP, 'stream.holed')).toStrictEqual({ values: [1, undefined, 2] }),
  Nestwire: async () => expect(await answerOf(NESTWIRE, 'stream.holed')).toStrictEqual({ values: [1, 2] }),
})

differs('functions', {
  TCP: async () => expect(await answerOf(TCP, 'unsendable')).toEqual({ values: [{ kept: 1 }] }),
  Nestwire: async () =>
    expect(await answerOf(NESTWIRE, 'unsendable')).toMatchObject({
      values: [],
      error: { code: 'INTERNAL', message: 'a function has no MessagePack form' },
    }),
})

differs('bigints', {
  TCP: async () => expect(await answerOf(TCP, 'echo', 7n)).toMatchObject({ values: [], error: expect.any(TypeError) }),
  Nestwire: async () => expect(await answerOf(NESTWIRE, 'echo', 2n ** 62n)).toEqual({ values: [2n ** 62n] }),
})

differs('patternsThatReadAsJson', {
  TCP: async () => expect(await answerOf(TCP, 'null')).toEqual({ values: [], error: NO_HANDLER }),
  Nestwire: async () => expect(await answerOf(NESTWIRE, 'null')).toEqual({ values: ['reads as JSON'] }),
})

const large = 'x'.repeat(70_000)
differs('largePayloads', {
  TCP: async () => expect(await answerOf(TCP, 'echo', large)).toEqual({ values: [large] }),
  Nestwire: async () => {
    expect(await answerOf(NESTWIRE, 'echo', large)).toMatchObject({ values: [], error: { code: 'FRAME_TOO_LARGE' } })
    const roomy = { ...NESTWIRE, serverAt: serverWith(fixedLimits({ maxFrameBytes: 1024 * 1024 })) }
    expect(await answerOf(roomy, 'echo', large)).toEqual({ values: [large] })
  },
})

/** Wraps what is sent; the other side would have to unwrap it. */
const serializer = { serialize: (packet: { data?: unknown }) => ({ ...packet, data: { wrapped: packet.data } }) }
differs('serializers', {
  TCP: async () => {
    const wrapping: Transported = { ...TCP, clientAt: (port) => new ClientTCP({ port, serializer }) as never }
    expect(await answerOf(wrapping, 'echo', 'x')).toEqual({ values: [{ wrapped: 'x' }] })
  },
  Nestwire: async () => {
    // @ts-expect-error there is no such option
    const wrapping: Transported = { ...NESTWIRE, clientAt: (port) => new NestwireClient({ port, serializer }) }
    expect(await answerOf(wrapping, 'echo', 'x')).toEqual({ values: ['x'] })
  },
})
