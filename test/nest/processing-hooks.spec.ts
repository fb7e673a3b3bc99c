import { Controller, Injectable, UseInterceptors, type CallHandler, type NestInterceptor } from '@nestjs/common'
import { EventPattern, MessagePattern, RpcException } from '@nestjs/microservices'
import { NEVER, Observable, concat, from, interval, of, take, throwError } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { NESTWIRE_TRANSPORT } from '../../src/transport/nestwire-transport.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import type { NestwireServer } from '../../src/transport/nestwire-server.js'
import { Gate, Journal, ask, askForAll, failureOf, startMicroservice } from './nest-apps.js'

class PassingInterceptor implements NestInterceptor {
  intercept(_: unknown, next: CallHandler): Observable<unknown> {
    return next.handle()
  }
}

@Controller()
@Injectable()
class TracedController {
  constructor(
    private readonly journal: Journal,
    private readonly gate: Gate,
  ) {}
  @MessagePattern('held')
  async held(): Promise<string> {
    await this.gate.pass()
    return 'held'
  }
  @MessagePattern('held.stream')
  async heldStream(): Promise<Observable<number>> {
    await this.gate.pass()
    return of(1)
  }
  @MessagePattern('value')
  value(): string {
    this.journal.note('handler')
    return 'value'
  }
  @MessagePattern('error')
  error(): never {
    throw new RpcException('error')
  }
  @MessagePattern('stream')
  stream(): Observable<number> {
    return from([1, 2, 3])
  }
  @MessagePattern('stream.later')
  streamLater(): Observable<number> {
    return interval(1).pipe(take(3))
  }
  @MessagePattern('stream.error')
  streamError(): Observable<number> {
    return concat(
      of(1),
      throwError(() => new RpcException('half way')),
    )
  }
  @MessagePattern('iterable')
  async *iterable(): AsyncIterable<number> {
    yield 1
    await new Promise(setImmediate)
    this.journal.note('handler over')
  }
  @UseInterceptors(PassingInterceptor)
  @MessagePattern('iterable.behind.an.interceptor')
  iterableBehindAnInterceptor(): AsyncIterable<number> {
    return this.iterable()
  }
  @MessagePattern('endless')
  endless(): Observable<number> {
    return concat(of(1), NEVER)
  }
  @EventPattern('event')
  event(_sent: number): void {
    this.journal.note('handler')
  }
  @EventPattern('event.stream')
  eventStream(_sent: number): Observable<number> {
    return from([1, 2])
  }
  @EventPattern('event.error')
  eventError(_sent: number): void {
    throw new RpcException('nobody hears it')
  }
}

type StartHook = Parameters<NestwireServer['setOnProcessingStartHook']>[0]
type EndHook = Parameters<NestwireServer['setOnProcessingEndHook']>[0]
interface Hooks {
  readonly start?: StartHook
  readonly end?: EndHook
}

const patternOf = (context: unknown): string => (context as NestwireContext).getPattern()

/** A microservice whose hooks write into its journal, unless others are given. */
async function traced(hooks: Hooks = {}) {
  const started = await startMicroservice({
    controllers: [TracedController],
    providers: [Journal, Gate],
    configure: (app) => {
      const journal = app.get(Journal)
      const server = app.getTransportServer() as NestwireServer
      server.setOnProcessingStartHook(
        hooks.start ??
          ((transport, context, done) => {
            journal.note(`start ${patternOf(context)}${transport === NESTWIRE_TRANSPORT ? '' : ' elsewhere'}`)
            void done()
          }),
      )
      server.setOnProcessingEndHook(hooks.end ?? ((_transport, context) => journal.note(`end ${patternOf(context)}`)))
    },
  })
  return { ...started, journal: started.app.get(Journal) }
}

/** Hooks that misbehave for one pattern only. */
const unless =
  (pattern: string, misbehave: () => unknown): StartHook =>
  (_transport, context, done) =>
    patternOf(context) === pattern ? (misbehave() as undefined) : void done()

test('the hooks enclose a request', async () => {
  const { client, journal } = await traced()
  await ask(client, 'value')
  expect(journal.take()).toEqual(['start value', 'handler', 'end value'])
})

test('the end hook runs once after an error', async () => {
  const { client, journal } = await traced()
  await failureOf(ask(client, 'error'))
  expect(journal.take()).toEqual(['start error', 'end error'])
})

test('the end hook runs once after the last value of a stream', async () => {
  const { client, journal } = await traced()
  await askForAll(client, 'stream')
  expect(journal.take()).toEqual(['start stream', 'end stream'])
})

test.each(['iterable', 'iterable.behind.an.interceptor'])('the end hook runs once when %s is over', async (pattern) => {
  const { client, journal } = await traced()
  expect(await askForAll(client, pattern)).toEqual([1])
  expect(journal.take()).toEqual([`start ${pattern}`, 'handler over', `end ${pattern}`])
})

test('the end hook runs once after a stream that failed', async () => {
  const { client, journal } = await traced()
  await failureOf(ask(client, 'stream.error'))
  expect(journal.take()).toEqual(['start stream.error', 'end stream.error'])
})

test('the end hook runs once after a cancelled stream', async () => {
  const { client, journal } = await traced()
  await new Promise((resolve) => {
    const subscription = client.send('endless', 0).subscribe((value) => {
      subscription.unsubscribe()
      resolve(value)
    })
  })
  await ask(client, 'value')
  expect(journal.take().filter((note) => note.endsWith('endless'))).toEqual(['start endless', 'end endless'])
})

test('the end hook runs once after a stream that comes when it is cancelled already', async () => {
  const { client, journal, app } = await traced()
  const subscription = client.send('held.stream', 0).subscribe()
  await app.get(Gate).reached
  subscription.unsubscribe()
  await ask(client, 'value')
  app.get(Gate).open()
  await ask(client, 'value')
  expect(journal.take().filter((note) => note.endsWith('held.stream'))).toEqual([
    'start held.stream',
    'end held.stream',
  ])
})

test('the end hook runs once when the caller is gone', async () => {
  const { client, journal, app } = await traced()
  await new Promise((resolve) => {
    client.send('endless', 0).subscribe({ next: resolve, error: () => undefined })
  })
  await client.close()
  await app.close()
  expect(journal.take()).toEqual(['start endless', 'end endless'])
})

test.each(['event', 'event.stream', 'event.error'])('the hooks run once for %s', async (event) => {
  const { client, journal } = await traced()
  client.emit(event, 0)
  await ask(client, 'value')
  expect(journal.take().filter((note) => note.endsWith(event))).toEqual([`start ${event}`, `end ${event}`])
})

test('a start hook that never lets a request in holds up no other', async () => {
  const { client, journal } = await traced({ start: unless('endless', () => undefined) })
  const held = client.send('endless', 0).subscribe()
  expect(await ask(client, 'value')).toBe('value')
  held.unsubscribe()
  expect(await ask(client, 'value')).toBe('value')
  expect(journal.take().filter((note) => note.endsWith('endless'))).toEqual([])
})

test('a start hook that throws fails its call and no other', async () => {
  const broken = unless('endless', () => {
    throw new Error('no span')
  })
  const { client } = await traced({ start: broken })
  expect(await failureOf(ask(client, 'endless'))).toEqual({ status: 'error', message: 'Internal server error' })
  expect(await ask(client, 'value')).toBe('value')
})

test('a start hook that fails later fails its call and ends nothing else', async () => {
  const { client } = await traced({ start: unless('endless', () => Promise.reject(new Error('no span'))) })
  expect(await failureOf(ask(client, 'endless'))).toEqual({ status: 'error', message: 'Internal server error' })
  expect(await ask(client, 'value')).toBe('value')
})

test('a start hook that throws after letting an event in counts it once', async () => {
  const { client, app } = await traced({
    start: (_transport, context, done) => {
      void done()
      if (patternOf(context) === 'event') throw new Error('late')
    },
  })
  for (let sent = 0; sent < 10; sent += 1) client.emit('event', sent)
  const answer = ask(client, 'held')
  const gate = app.get(Gate)
  await gate.reached
  // The drain waits while requests are counted; a count gone below zero would let it cut this one off.
  const closed = app.close()
  gate.open()
  expect(await answer).toBe('held')
  await closed
})

test('an end hook that throws takes nothing from the caller', async () => {
  const uncaught: unknown[] = []
  const listener = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', listener)
  onTestFinished(() => void process.off('uncaughtException', listener))
  const { client } = await traced({
    end: () => {
      throw new Error('no span to end')
    },
  })
  expect(await ask(client, 'value')).toBe('value')
  expect(await askForAll(client, 'stream')).toEqual([1, 2, 3])
  expect(await askForAll(client, 'stream.later')).toEqual([0, 1, 2])
  client.emit('event.stream', 0)
  expect(await ask(client, 'value')).toBe('value')
  expect(uncaught).toEqual([])
})
