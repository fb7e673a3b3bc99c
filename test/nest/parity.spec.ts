/**
 * The same application and the same caller on Nest's TCP transport and on Nestwire. What both must do alike stands in
 * `alike`; where they differ on purpose, each has its own expectation in `unlike`.
 */
import { Controller, HttpException, Injectable, type Type } from '@nestjs/common'
import {
  ClientTCP,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type ClientProxy,
  type MicroserviceOptions,
  type ServerTCP,
} from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { EMPTY, concat, from, lastValueFrom, of, throwError, toArray, type Observable } from 'rxjs'
import type { AddressInfo, Server } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { NestwireClient } from '../../src/transport/nestwire-client.js'
import { NestwireServer } from '../../src/transport/nestwire-server.js'
import { Journal } from './nest-apps.js'

@Controller()
@Injectable()
class ParityController {
  constructor(private readonly journal: Journal) {}
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
  bytes(): unknown {
    return Buffer.from('hi')
  }
  @EventPattern('happened')
  happened(@Payload() data: unknown): void {
    this.journal.note(`happened ${JSON.stringify(data)}`)
  }
  @EventPattern('happened.badly')
  happenedBadly(_data: unknown): void {
    throw new Error('nobody hears it')
  }
  @MessagePattern('notes')
  notes(): string[] {
    return this.journal.take()
  }
}

interface Transported {
  readonly name: 'TCP' | 'Nestwire'
  readonly options: () => MicroserviceOptions
  readonly client: Type<ClientProxy>
}

const transports: readonly Transported[] = [
  { name: 'TCP', options: () => ({ transport: Transport.TCP, options: { port: 0 } }), client: ClientTCP as Type },
  { name: 'Nestwire', options: () => ({ strategy: new NestwireServer({ port: 0 }) }), client: NestwireClient },
]

async function start({ options, client: Client }: Transported): Promise<ClientProxy> {
  const testing = await Test.createTestingModule({ controllers: [ParityController], providers: [Journal] }).compile()
  const app = testing.createNestMicroservice<MicroserviceOptions>({ ...options(), logger: false })
  onTestFinished(() => app.close())
  await app.listen()
  const { port } = (app.getTransportServer() as ServerTCP | NestwireServer).unwrap<Server>().address() as AddressInfo
  const client = new Client({ port })
  onTestFinished(() => void client.close())
  return client
}

/** Everything a caller may see: the values, then how it ended. */
function outcome(client: ClientProxy, pattern: unknown, data: unknown): Promise<unknown> {
  const values: unknown[] = []
  return new Promise((resolve) => {
    client.send<unknown>(pattern, data).subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error }),
      complete: () => resolve({ values }),
    })
  })
}

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

const unlike: readonly [
  what: string,
  pattern: string,
  data: unknown,
  expected: Record<Transported['name'], unknown>,
][] = [
  [
    'tells of dates and other numbers as its encoding can',
    'dated',
    0,
    {
      TCP: { values: [{ at: '1970-01-01T00:00:00.000Z', not: null, kept: 1 }] },
      Nestwire: { values: [{ at: new Date(0), not: Number.NaN, kept: 1 }] },
    },
  ],
  [
    'tells of bytes as its encoding can',
    'bytes',
    0,
    { TCP: { values: [{ type: 'Buffer', data: [104, 105] }] }, Nestwire: { values: [Buffer.from('hi')] } },
  ],
  [
    'tells of undefined in the middle of a stream',
    'stream.holed',
    0,
    { TCP: { values: [1, undefined, 2] }, Nestwire: { values: [1, 2] } },
  ],
  [
    'finds a string pattern that reads as JSON',
    'null',
    0,
    { TCP: { values: [], error: NO_HANDLER }, Nestwire: { values: ['reads as JSON'] } },
  ],
]

describe.each(transports)('$name', (transport) => {
  test.each(alike)('carries %s', async (_what, pattern, data, expected) => {
    expect(await outcome(await start(transport), pattern, data)).toStrictEqual(expected)
  })

  test.each(unlike)('%s', async (_what, pattern, data, expected) => {
    expect(await outcome(await start(transport), pattern, data)).toStrictEqual(expected[transport.name])
  })

  test('carries events, those that fail too', async () => {
    const client = await start(transport)
    await client.connect()
    client.emit('happened.badly', 1)
    client.emit('nobody.listens', 1)
    client.emit('happened', { n: 1 })
    await lastValueFrom(client.emit('happened', 'last'), { defaultValue: undefined })
    expect(await lastValueFrom(client.send('notes', 0))).toEqual(['happened {"n":1}', 'happened "last"'])
  })

  test('answers many calls at once', async () => {
    const client = await start(transport)
    const calls = Array.from({ length: 100 }, (_, index) => lastValueFrom(client.send('promise', index)))
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  test('calls again for each subscriber', async () => {
    const client = await start(transport)
    const call = client.send<unknown>('stream', [1, 2]).pipe(toArray())
    expect([await lastValueFrom(call), await lastValueFrom(call)]).toEqual([
      [1, 2],
      [1, 2],
    ])
  })
})
