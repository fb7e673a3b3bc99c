/** Guards, pipes, interceptors, filters, contexts and scopes, in a microservice and in a hybrid application. */
import {
  BadRequestException,
  Catch,
  Controller,
  Inject,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type INestMicroservice,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common'
import { APP_GUARD, REQUEST } from '@nestjs/core'
import {
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  type BaseRpcContext,
  type RequestContext,
} from '@nestjs/microservices'
import { Observable, lastValueFrom, map, throwError } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { Journal } from '../nest-apps.js'
import {
  NESTWIRE,
  TCP,
  differs,
  onBoth,
  outcomeOf,
  startHybrid,
  startMicroservice,
  type Stage,
  type Transported,
} from './transports.js'

interface ContextWithPattern extends BaseRpcContext {
  getPattern(): string
  getMetadata(): unknown
}

@Injectable()
class Deny implements CanActivate {
  canActivate(): boolean {
    return false
  }
}

@Catch()
class FilterOfRawErrors implements ExceptionFilter {
  catch(): Observable<never> {
    return throwError(() => new Error('as the filter gave it'))
  }
}

@Catch(RangeError)
class RangeFilter implements ExceptionFilter {
  catch(error: RangeError, host: ArgumentsHost): Observable<never> {
    const pattern = host.switchToRpc().getContext<ContextWithPattern>().getPattern()
    return throwError(() => ({ filtered: error.message, pattern }))
  }
}

@Controller()
@Injectable()
class EnhancedController {
  constructor(private readonly journal: Journal) {}
  @MessagePattern('work')
  work(@Payload() value: unknown): unknown {
    this.journal.note('handler')
    return value
  }
  @MessagePattern('denied')
  @UseGuards(Deny)
  denied(): string {
    return 'never'
  }
  @MessagePattern('range')
  @UseFilters(RangeFilter)
  range(): never {
    throw new RangeError('too far')
  }
  @MessagePattern('raw')
  @UseFilters(FilterOfRawErrors)
  raw(): never {
    throw new Error('hidden')
  }
  @MessagePattern('fails')
  fails(): never {
    throw new RpcException('failed')
  }
  @MessagePattern('field')
  field(@Payload('name') name: unknown): unknown {
    return { name }
  }
  @MessagePattern({ cmd: 'context' })
  context(@Ctx() context: ContextWithPattern): unknown {
    return { pattern: context.getPattern(), metadata: context.getMetadata(), args: context.getArgs().length }
  }
  @MessagePattern('context.methods')
  contextMethods(@Ctx() context: object): unknown {
    return { getSocketRef: 'getSocketRef' in context, getConnection: 'getConnection' in context }
  }
  @EventPattern('metadata')
  metadata(@Ctx() context: ContextWithPattern): void {
    this.journal.note(`metadata ${JSON.stringify(context.getMetadata())}`)
  }
  @MessagePattern('notes')
  notes(): string[] {
    return this.journal.take()
  }
}

@Injectable({ scope: Scope.REQUEST })
class Caller {
  private static made = 0
  readonly number = (Caller.made += 1)
  constructor(@Inject(REQUEST) readonly request: RequestContext) {}
}
@Controller()
class ScopedController {
  constructor(@Inject(Caller) private readonly caller: Caller) {}
  @MessagePattern('scoped')
  scoped(): unknown {
    return { number: this.caller.number, data: this.caller.request.data }
  }
}

const refuse = (): never => {
  throw new BadRequestException('not acceptable')
}

const module = { controllers: [EnhancedController], providers: [Journal] }

function enhancersOf(journal: Journal) {
  const guard: CanActivate = {
    canActivate: (context: ExecutionContext) => {
      journal.note(`guard in ${context.getType()}`)
      return true
    },
  }
  const interceptor: NestInterceptor = {
    intercept: (_context: ExecutionContext, next: CallHandler) => {
      journal.note('interceptor')
      return next.handle().pipe(map((value: unknown) => ({ intercepted: value })))
    },
  }
  const pipe: PipeTransform = { transform: (value: unknown) => ({ piped: value }) }
  return { guard, interceptor, pipe }
}

@Catch(RpcException)
class GlobalFilter implements ExceptionFilter<RpcException> {
  catch(error: RpcException): Observable<never> {
    return throwError(() => ({ global: error.getError() }))
  }
}

/** Global enhancers on whatever takes them. */
function enhance(app: INestMicroservice | INestApplication, journal: Journal): void {
  const { guard, interceptor, pipe } = enhancersOf(journal)
  app.useGlobalGuards(guard)
  app.useGlobalInterceptors(interceptor)
  app.useGlobalPipes(pipe)
  app.useGlobalFilters(new GlobalFilter())
}

const enhanced = async ({ app, client }: Stage<INestMicroservice | INestApplication>) => ({
  work: await outcomeOf(client, 'work', 'x'),
  fails: await outcomeOf(client, 'fails'),
  notes: app.get(Journal).take(),
})
const WITH_ENHANCERS = {
  work: { values: [{ intercepted: { piped: 'x' } }] },
  fails: { values: [], error: { global: 'failed' } },
  notes: ['guard in rpc', 'interceptor', 'handler', 'guard in rpc', 'interceptor'],
}
const WITHOUT_ENHANCERS = {
  work: { values: ['x'] },
  fails: { values: [], error: { status: 'error', message: 'failed' } },
  notes: ['handler'],
}

onBoth((transport: Transported) => {
  describe('global enhancers', () => {
    test('of a microservice apply', async () => {
      const stage = await startMicroservice(transport, {
        ...module,
        configure: (app) => enhance(app, app.get(Journal)),
      })
      expect(await enhanced(stage)).toEqual(WITH_ENHANCERS)
    })

    test('of a hybrid application apply with inheritAppConfig', async () => {
      const stage = await startHybrid(transport, {
        ...module,
        connect: { inheritAppConfig: true },
        configure: (app) => enhance(app, app.get(Journal)),
      })
      expect(await enhanced(stage)).toEqual(WITH_ENHANCERS)
    })

    test('of a hybrid application stay with HTTP otherwise', async () => {
      const stage = await startHybrid(transport, { ...module, configure: (app) => enhance(app, app.get(Journal)) })
      expect(await enhanced(stage)).toEqual(WITHOUT_ENHANCERS)
    })

    test('of the connected microservice apply with deferInitialization', async () => {
      const journal = new Journal()
      const stage = await startHybrid(transport, {
        controllers: [EnhancedController],
        providers: [{ provide: Journal, useValue: journal }],
        connect: { deferInitialization: true },
        configureMicroservice: (microservice) => enhance(microservice, journal),
      })
      expect(await enhanced(stage)).toEqual(WITH_ENHANCERS)
    })

    test('that a module provides apply to requests and events', async () => {
      const { app, client } = await startMicroservice(transport, {
        controllers: [EnhancedController],
        providers: [
          Journal,
          { provide: APP_GUARD, inject: [Journal], useFactory: (journal: Journal) => enhancersOf(journal).guard },
        ],
      })
      client.emit('metadata', 0)
      await lastValueFrom(client.send('work', 1))
      expect(
        app
          .get(Journal)
          .take()
          .filter((note) => note.startsWith('guard')),
      ).toHaveLength(2)
    })

    test('that refuse with an HttpException are masked', async () => {
      const { client } = await startMicroservice(transport, {
        ...module,
        configure: (app) => app.useGlobalPipes({ transform: refuse }),
      })
      expect(await outcomeOf(client, 'work')).toEqual({
        values: [],
        error: { status: 'error', message: 'Internal server error' },
      })
    })
  })

  test('a guard that denies answers with its refusal', async () => {
    const { client } = await startMicroservice(transport, module)
    expect(await outcomeOf(client, 'denied')).toEqual({
      values: [],
      error: { status: 'error', message: 'Forbidden resource' },
    })
  })

  test('a filter knows the pattern, and what it gives arrives', async () => {
    const { client } = await startMicroservice(transport, module)
    expect(await outcomeOf(client, 'range')).toEqual({ values: [], error: { filtered: 'too far', pattern: 'range' } })
  })

  test('one field of a payload is picked', async () => {
    const { client } = await startMicroservice(transport, module)
    expect(await outcomeOf(client, 'field', { name: 'alice', more: 1 })).toEqual({ values: [{ name: 'alice' }] })
  })

  test('the context tells pattern and metadata of requests and events', async () => {
    const { client } = await startMicroservice(transport, module)
    await client.connect()
    expect(await outcomeOf(client, { cmd: 'context' })).toMatchObject({ values: [{ pattern: '{"cmd":"context"}' }] })
    client.setOnDispatchHook((packet) => (packet.metadata = { trace: '00-1' }))
    expect(await outcomeOf(client, { cmd: 'context' })).toMatchObject({ values: [{ metadata: { trace: '00-1' } }] })
    client.emit('metadata', 0)
    expect(await lastValueFrom(client.send('notes', 0))).toEqual(['metadata {"trace":"00-1"}'])
  })

  test('a request-scoped provider is made for each message and knows it', async () => {
    const { client } = await startMicroservice(transport, { controllers: [ScopedController], providers: [Caller] })
    const { values: first } = await outcomeOf(client, 'scoped', 'a')
    const { values: second } = await outcomeOf(client, 'scoped', 'b')
    expect([first, second]).toMatchObject([[{ data: 'a' }], [{ data: 'b' }]])
    expect(first).not.toMatchObject([{ number: (second[0] as { number: number }).number }])
  })

  test('a pre-request hook goes before the guards', async () => {
    const { app, client } = await startMicroservice(transport, {
      ...module,
      configure: (app) => {
        const journal = app.get(Journal)
        enhance(app, journal)
        app.registerPreRequestHook((_context, next) => {
          journal.note('hook')
          return next()
        })
      },
    })
    await outcomeOf(client, 'work')
    expect(app.get(Journal).take()).toEqual(['hook', 'guard in rpc', 'interceptor', 'handler'])
  })
})

differs('rawErrors', {
  TCP: async () => {
    const { client } = await startMicroservice(TCP, module)
    expect(await outcomeOf(client, 'raw')).toEqual({ values: [], error: {} })
  },
  Nestwire: async () => {
    const { client } = await startMicroservice(NESTWIRE, module)
    expect(await outcomeOf(client, 'raw')).toEqual({
      values: [],
      error: { status: 'error', message: 'as the filter gave it' },
    })
  },
})

differs('contexts', {
  TCP: async () => {
    const { client } = await startMicroservice(TCP, module)
    expect(await outcomeOf(client, 'context.methods')).toEqual({
      values: [{ getSocketRef: true, getConnection: false }],
    })
  },
  Nestwire: async () => {
    const { client } = await startMicroservice(NESTWIRE, module)
    expect(await outcomeOf(client, 'context.methods')).toEqual({
      values: [{ getSocketRef: false, getConnection: true }],
    })
  },
})
