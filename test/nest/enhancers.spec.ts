import {
  Catch,
  Controller,
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common'
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices'
import { EMPTY, concat, from, map, of, throwError, type Observable } from 'rxjs'
import { expect, test } from 'vitest'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { parseRoomId, trustedSeq } from '../../src/protocol/ids.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { CompactRoute } from '../../src/transport/compact-route.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import { RawClient } from '../support/raw-client.js'
import { Journal, ask, askForAll, failureOf, startMicroservice } from './nest-apps.js'

class KeywordGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const rpc = context.switchToRpc()
    const pattern = rpc.getContext<NestwireContext>().getPattern()
    return context.getType() === 'rpc' && rpc.getData() !== `not ${pattern}`
  }
}

class DoublePipe implements PipeTransform {
  transform(value: unknown): unknown {
    if (typeof value !== 'number') throw new RpcException({ code: 'NOT_A_NUMBER' })
    return value * 2
  }
}

class TenfoldInterceptor implements NestInterceptor<number, number> {
  intercept(_context: ExecutionContext, next: CallHandler<number>): Observable<number> {
    return next.handle().pipe(map((value) => value * 10))
  }
}

/** Answers every failure with its own name in front. */
class NamedFilter implements ExceptionFilter {
  constructor(private readonly name: string) {}
  catch(error: Error, host: ArgumentsHost): Observable<never> {
    const pattern = host.switchToRpc().getContext<NestwireContext>().getPattern()
    return throwError(() => ({ filter: this.name, pattern, was: error.message }))
  }
}
@Catch(RangeError)
class MethodFilter extends NamedFilter {
  constructor() {
    super('method')
  }
}
@Catch(TypeError)
class ControllerFilter extends NamedFilter {
  constructor() {
    super('controller')
  }
}
@Catch()
class GlobalFilter extends NamedFilter {
  constructor() {
    super('global')
  }
}
/** Fails with nothing at all, which Nest lets it do. */
@Catch()
class SpeechlessFilter implements ExceptionFilter {
  catch(): Observable<never> {
    return throwError(() => '')
  }
}
@Catch()
class SilentFilter implements ExceptionFilter {
  catch(): Observable<never> {
    return EMPTY
  }
}
@Catch()
class BrokenFilter implements ExceptionFilter {
  catch(): never {
    throw new Error('the filter itself fails')
  }
}

const errors = { range: RangeError, type: TypeError, other: EvalError } as const

@UseFilters(ControllerFilter)
@Controller()
@Injectable()
class EnhancedController {
  constructor(private readonly journal: Journal) {}

  @UseGuards(KeywordGuard)
  @MessagePattern('guarded')
  guarded(): string {
    return 'welcome'
  }
  @UsePipes(DoublePipe)
  @MessagePattern('doubled')
  doubled(value: number): number {
    return value
  }
  @UseInterceptors(TenfoldInterceptor)
  @MessagePattern('tenfold')
  tenfold(value: number): number {
    return value
  }
  @UseInterceptors(TenfoldInterceptor)
  @MessagePattern('tenfold.stream')
  tenfoldStream(): Observable<number> {
    return from([1, 2, 3])
  }
  @UseGuards(KeywordGuard)
  @UseInterceptors(TenfoldInterceptor)
  @MessagePattern('chat.send')
  send(@Payload() body: string): number {
    if (body === 'range') throw new RangeError('of a compact packet')
    return 4
  }
  @UseFilters(MethodFilter)
  @MessagePattern('fails')
  fails(kind: keyof typeof errors): never {
    throw new errors[kind]('of a request')
  }
  @UseFilters(MethodFilter)
  @MessagePattern('fails.stream')
  failsStream(kind: keyof typeof errors): Observable<string> {
    return concat(
      of('first'),
      throwError(() => new errors[kind]('of a stream')),
    )
  }
  @UseFilters(SpeechlessFilter)
  @MessagePattern('fails.speechless')
  failsSpeechless(): never {
    throw new Error('no words')
  }
  @UseFilters(SilentFilter)
  @MessagePattern('fails.silently')
  failsSilently(): never {
    throw new Error('swallowed')
  }
  @UseFilters(BrokenFilter)
  @MessagePattern('fails.twice')
  failsTwice(): never {
    throw new Error('first')
  }
  @UseInterceptors(TenfoldInterceptor)
  @EventPattern('happened')
  happened(value: number): number {
    this.journal.note(`happened ${value}`)
    return value
  }
  @UseGuards(KeywordGuard)
  @EventPattern('happened.guarded')
  happenedGuarded(value: string): void {
    this.journal.note(value)
  }
}

const publishRoute: CompactRoute<'publish'> = {
  packet: 'publish',
  pattern: 'chat.send',
  toPayload: ({ body }) => body.toString(),
  toReply: (result, correlation) =>
    encodePacket({ kind: 'ack', correlation, seq: trustedSeq(Number(result)), timeMs: 1 }),
}

const start = () =>
  startMicroservice({
    controllers: [EnhancedController],
    providers: [Journal],
    server: { compactRoutes: [publishRoute] },
    configure: (app) => app.useGlobalFilters(new GlobalFilter()),
  })

function publish(body: string): Packet {
  const room = parseRoomId('lobby')
  if (room === undefined) throw new Error('no room name')
  return { kind: 'publish', correlation: 1, priority: 0, room, messageId: Buffer.alloc(16), body: Buffer.from(body) }
}

test('a guard decides by pattern and data', async () => {
  const { client } = await start()
  expect(await ask(client, 'guarded', 'hello')).toBe('welcome')
  expect(await failureOf(ask(client, 'guarded', 'not guarded'))).toMatchObject({ was: 'Forbidden resource' })
})

test('a pipe changes or refuses the payload', async () => {
  const { client } = await start()
  expect(await ask(client, 'doubled', 21)).toBe(42)
  expect(await failureOf(ask(client, 'doubled', 'text'))).toMatchObject({ filter: 'global' })
})

test('an interceptor maps a value', async () => {
  const { client } = await start()
  expect(await askForAll(client, 'tenfold', 7)).toEqual([70])
})

test('an interceptor maps every value of a stream', async () => {
  const { client } = await start()
  expect(await askForAll(client, 'tenfold.stream')).toEqual([10, 20, 30])
})

test('an interceptor maps the result of a compact packet', async () => {
  const { port } = await start()
  const raw = await RawClient.greeted(port)
  expect((await raw.ask(publish('hello'), 'ack')).seq).toBe(40)
  await raw.expectNothing()
})

test('guards and filters stand before a compact packet', async () => {
  const { port } = await start()
  const raw = await RawClient.greeted(port)
  const refused = await raw.ask(publish('not chat.send'), 'error')
  const failed = await raw.ask(publish('range'), 'error')
  expect([refused.code, failed.code]).toEqual([ErrorCode.Application, ErrorCode.Application])
  await raw.expectNothing()
})

test.each([
  ['range', 'method'],
  ['type', 'controller'],
  ['other', 'global'],
])('a %s error of a request or stream meets the %s filter', async (kind, filter) => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'fails', kind))).toEqual({ filter, pattern: 'fails', was: 'of a request' })
  const expected = { filter, pattern: 'fails.stream', was: 'of a stream' }
  expect(await failureOf(ask(client, 'fails.stream', kind))).toEqual(expected)
})

test('a filter that fails with nothing still fails the call', async () => {
  const { client } = await start()
  expect(await failureOf(ask(client, 'fails.speechless'))).toEqual({
    status: 'error',
    code: 'APPLICATION',
    message: '',
    details: '',
  })
})

test('a filter may end the call without a value', async () => {
  const { client } = await start()
  expect(await askForAll(client, 'fails.silently')).toEqual([])
})

test('a filter that throws is masked', async () => {
  const { client } = await start()
  const masked = { status: 'error', message: 'Internal server error' }
  expect(await failureOf(ask(client, 'fails.twice'))).toEqual(masked)
  expect(await ask(client, 'guarded', 'still there')).toBe('welcome')
})

test('interceptors and guards work on events', async () => {
  const { app, client } = await start()
  client.emit('happened', 3)
  client.emit('happened.guarded', 'not happened.guarded')
  client.emit('happened.guarded', 'let in')
  await ask(client, 'guarded', 'after them')
  expect(app.get(Journal).notes.toSorted()).toEqual(['happened 3', 'let in'])
})
