import { Controller, Inject, Injectable, type ModuleMetadata } from '@nestjs/common'
import { ClientProxy, ClientsModule, Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { Socket } from 'node:net'
import { Observable, concat, interval, lastValueFrom, of, range, take, throwError, toArray } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { NestwireClient } from '../../src/transport/nestwire-client.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import { Gate, Journal, ask, askForAll, clientOf, failureOf, startMicroservice } from './nest-apps.js'

@Controller()
@Injectable()
class CallsController {
  constructor(
    private readonly journal: Journal,
    private readonly gate: Gate,
  ) {}
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
  @MessagePattern('count')
  count(@Payload() to: number): Observable<number> {
    return range(1, to)
  }
  @MessagePattern('count.fails')
  countFails(@Payload() to: number): Observable<number> {
    return concat(
      range(1, to),
      throwError(() => new Error('too far')),
    )
  }
  @MessagePattern('ticks')
  ticks(): Observable<number> {
    return new Observable((subscriber) => {
      const ticking = interval(1).subscribe(subscriber)
      return () => {
        ticking.unsubscribe()
        this.journal.note('torn down')
      }
    })
  }
  @MessagePattern('metadata')
  metadata(@Ctx() context: NestwireContext): unknown {
    return context.getMetadata() ?? 'none'
  }
  @EventPattern('happened')
  happened(@Payload() data: string): void {
    this.journal.note(data)
  }
  @EventPattern({ event: 'traced' })
  traced(@Payload() data: string, @Ctx() context: NestwireContext): void {
    this.journal.note(`${data} ${context.getMetadata()?.['trace'] ?? 'untraced'}`)
  }
  @MessagePattern('held')
  async held(@Payload() data: unknown): Promise<unknown> {
    await this.gate.pass()
    return data
  }
}

const start = () => startMicroservice({ controllers: [CallsController], providers: [Journal, Gate] })

const SHOP = Symbol('shop')
@Injectable()
class Shop {
  constructor(@Inject(SHOP) readonly client: ClientProxy) {}
}

/** The client that another service gets by injection. */
async function injected(imports: ModuleMetadata['imports']) {
  const module = await Test.createTestingModule({ imports: imports ?? [], providers: [Shop] }).compile()
  const app = await module.createNestApplication({ logger: false }).init()
  onTestFinished(() => app.close())
  return { app, client: app.get(Shop).client }
}

test('ClientsModule.register injects a client that calls', async () => {
  const { port } = await start()
  const { client } = await injected([
    ClientsModule.register([{ name: SHOP, customClass: NestwireClient, options: { port } }]),
  ])
  expect(await lastValueFrom(client.send('echo', 'hello'))).toBe('hello')
})

test('ClientsModule.registerAsync injects a client that calls', async () => {
  const { port } = await start()
  const { client } = await injected([
    ClientsModule.registerAsync([
      { name: SHOP, useFactory: () => ({ customClass: NestwireClient, options: { port, agent: 'shop' } }) },
    ]),
  ])
  expect(await lastValueFrom(client.send('echo', 'hello'))).toBe('hello')
})

test('a client without options is made and not connected', async () => {
  const { client } = await injected([ClientsModule.register([{ name: SHOP, customClass: NestwireClient }])])
  expect(client).toBeInstanceOf(NestwireClient)
  expect(() => client.unwrap()).toThrow('not connected yet: call connect() first')
})

test('the client closes with the application that registered it', async () => {
  const { port, server } = await start()
  const { app, client } = await injected([
    ClientsModule.register([{ name: SHOP, customClass: NestwireClient, options: { port } }]),
  ])
  await client.connect()
  expect(server.connectionCount).toBe(1)
  await app.close()
  expect(() => client.unwrap()).toThrow('not connected yet')
})

test('unwrap gives the socket', async () => {
  const { client, port } = await start()
  await client.connect()
  expect(client.unwrap()).toBeInstanceOf(Socket)
  expect(client.unwrap().remotePort).toBe(port)
})

test('a call connects by itself, and all calls share one connection', async () => {
  const { client, server } = await start()
  await Promise.all([ask(client, 'echo', 1), ask(client, 'echo', 2), client.connect()])
  expect(server.connectionCount).toBe(1)
})

test('a call is made when somebody subscribes, once for each', async () => {
  const { app, client } = await start()
  const held = client.send('held', 'x')
  const gate = app.get(Gate)
  gate.open()
  expect(await Promise.all([lastValueFrom(held), lastValueFrom(held)])).toEqual(['x', 'x'])
})

test('512 calls at once each get their own answer', async () => {
  const { client } = await start()
  const numbers = Array.from({ length: 512 }, (_, index) => index)
  expect(await Promise.all(numbers.map((number) => ask(client, 'echo', number)))).toEqual(numbers)
})

test('a stream of many values comes whole and in order', async () => {
  const { client } = await start()
  const values = await askForAll(client, 'count', 10_000)
  expect(values).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1))
})

test('a stream that fails in the middle gives its values first', async () => {
  const { client } = await start()
  const values: unknown[] = []
  const failure = await failureOf(
    new Observable((subscriber) =>
      client.send('count.fails', 3).subscribe({
        next: (value) => values.push(value),
        error: (error: unknown) => subscriber.error(error),
      }),
    ),
  )
  expect(values).toEqual([1, 2, 3])
  expect(failure).toEqual({ status: 'error', message: 'Internal server error' })
})

test('unsubscribing tears the handler down on the server', async () => {
  const { app, client } = await start()
  const values = await lastValueFrom(client.send('ticks', 0).pipe(take(3), toArray()))
  await ask(client, 'echo')
  expect(values).toEqual([0, 1, 2])
  expect(app.get(Journal).notes).toEqual(['torn down'])
})

test('unsubscribing before the connection is there sends nothing', async () => {
  const { app, client } = await start()
  client.send('ticks', 0).subscribe().unsubscribe()
  await ask(client, 'echo')
  expect(app.get(Journal).notes).toEqual([])
})

test('an event settles when it is written, and has arrived before the next call', async () => {
  const { app, client } = await start()
  await lastValueFrom(client.emit('happened', 'first'), { defaultValue: undefined })
  await ask(client, 'echo')
  expect(app.get(Journal).notes).toEqual(['first'])
})

test('an event goes out without a subscriber, and once with many', async () => {
  const { app, client } = await start()
  const emitted = client.emit('happened', 'once')
  emitted.subscribe()
  emitted.subscribe()
  await ask(client, 'echo')
  expect(app.get(Journal).notes).toEqual(['once'])
})

test.each([null, undefined])('%s as data is an invalid message', async (data) => {
  const client = clientOf(1)
  const invalid = { message: expect.stringContaining('invalid data or message pattern') }
  expect(await failureOf(client.send('echo', data))).toMatchObject(invalid)
  expect(await failureOf(client.emit('happened', data))).toMatchObject(invalid)
  expect(await failureOf(client.send(data, 'no pattern'))).toMatchObject(invalid)
})

test('metadata of the dispatch hook arrives in the context', async () => {
  const { app, client } = await start()
  client.setOnDispatchHook((packet) => {
    packet.metadata = { trace: '00-1', tenant: 'acme' }
  })
  expect(await ask(client, 'metadata')).toEqual({ trace: '00-1', tenant: 'acme' })
  client.emit({ event: 'traced' }, 'event')
  await ask(client, 'echo')
  expect(app.get(Journal).notes).toEqual(['event 00-1'])
})

test('a call without metadata has none', async () => {
  const { client } = await start()
  expect(await ask(client, 'metadata')).toBe('none')
})

test('a payload that cannot be sent fails its call and no other', async () => {
  const { client } = await start()
  const failure = await failureOf(ask(client, 'echo', { call: () => of(1) }))
  expect(failure).toMatchObject({ code: 'BAD_FIELD' })
  expect(await failureOf(ask(client, 'echo', 'x'.repeat(70_000)))).toMatchObject({ code: 'FRAME_TOO_LARGE' })
  expect(await ask(client, 'echo', 'fine')).toBe('fine')
})
