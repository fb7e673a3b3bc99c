import { AsyncLocalStorage } from 'node:async_hooks'
import {
  Catch,
  Controller,
  Injectable,
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
import { APP_GUARD } from '@nestjs/core'
import { MessagePattern, Payload } from '@nestjs/microservices'
import { Observable, concat, of, throwError } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import { Journal, ask, askForAll, failureOf, startHybrid, startMicroservice } from './nest-apps.js'

const callerName = new AsyncLocalStorage<string>()

@Controller()
@Injectable()
class GlobalController {
  constructor(private readonly journal: Journal) {}

  @MessagePattern('work')
  work(@Payload() value: unknown): unknown {
    this.journal.note('handler')
    return value
  }
  @MessagePattern('fail')
  fail(): never {
    throw new Error('failed')
  }
  @MessagePattern('fail.stream')
  failStream(): Observable<string> {
    return concat(
      of('first'),
      throwError(() => new Error('failed')),
    )
  }
  @MessagePattern('whoami')
  async whoami(): Promise<string | undefined> {
    await Promise.resolve()
    return callerName.getStore()
  }
  @MessagePattern('whoami.stream')
  whoamiStream(): Observable<string | undefined> {
    return new Observable((subscriber) => {
      subscriber.next(callerName.getStore())
      subscriber.next(callerName.getStore())
      subscriber.complete()
    })
  }
}

class NotingGuard implements CanActivate {
  constructor(
    private readonly journal: Journal,
    private readonly name = 'guard',
  ) {}
  canActivate(): boolean {
    this.journal.note(this.name)
    return true
  }
}
class NotingInterceptor implements NestInterceptor {
  constructor(private readonly journal: Journal) {}
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    this.journal.note('interceptor')
    return next.handle()
  }
}
class NotingPipe implements PipeTransform {
  constructor(private readonly journal: Journal) {}
  transform(value: unknown): unknown {
    this.journal.note('pipe')
    return value
  }
}
@Catch()
class NotingFilter implements ExceptionFilter {
  constructor(private readonly journal: Journal) {}
  catch(error: Error, host: ArgumentsHost): Observable<never> {
    this.journal.note(`filter of ${host.getType()}`)
    return throwError(() => ({ filtered: error.message }))
  }
}

function useEverything(app: INestMicroservice | INestApplication): void {
  const journal = app.get(Journal)
  app.useGlobalGuards(new NotingGuard(journal))
  app.useGlobalInterceptors(new NotingInterceptor(journal))
  app.useGlobalPipes(new NotingPipe(journal))
  app.useGlobalFilters(new NotingFilter(journal))
}

function useHook(app: INestMicroservice): void {
  const journal = app.get(Journal)
  app.registerPreRequestHook((context, next) => {
    journal.note(`hook before ${context.getHandler().name}`)
    const pattern = context.switchToRpc().getContext<NestwireContext>().getPattern()
    return new Observable((subscriber) => callerName.run(`caller of ${pattern}`, () => next().subscribe(subscriber)))
  })
}

function useAll(app: INestMicroservice): void {
  useEverything(app)
  useHook(app)
}

const module = { controllers: [GlobalController], providers: [Journal] }
const apps = {
  microservice: () => startMicroservice({ ...module, configure: useAll }),
  'hybrid application': () =>
    startHybrid({
      ...module,
      configure: useEverything,
      connect: { inheritAppConfig: true, deferInitialization: true },
      configureMicroservice: useHook,
    }),
  'hybrid application that configures its microservice': () =>
    startHybrid({ ...module, connect: { deferInitialization: true }, configureMicroservice: useAll }),
} as const

describe.each(Object.entries(apps))('in a %s', (_name, start) => {
  test('global enhancers run once each, in the order of Nest', async () => {
    const { app, client } = await start()
    expect(await ask(client, 'work', 5)).toBe(5)
    expect(app.get(Journal).take()).toEqual(['hook before work', 'guard', 'interceptor', 'pipe', 'handler'])
  })

  test('global filters catch what requests and streams fail with', async () => {
    const { app, client } = await start()
    expect(await failureOf(ask(client, 'fail'))).toEqual({ filtered: 'failed' })
    expect(await failureOf(ask(client, 'fail.stream'))).toEqual({ filtered: 'failed' })
    expect(app.get(Journal).notes.filter((note) => note === 'filter of rpc')).toHaveLength(2)
  })

  test('a pre-request hook gives requests and streams their async context', async () => {
    const { client } = await start()
    expect(await ask(client, 'whoami')).toBe('caller of whoami')
    expect(await askForAll(client, 'whoami.stream')).toEqual(['caller of whoami.stream', 'caller of whoami.stream'])
  })
})

test('a hybrid application that inherits nothing keeps its enhancers for HTTP', async () => {
  const { app, client } = await startHybrid({ ...module, configure: useEverything })
  expect(await ask(client, 'work', 5)).toBe(5)
  expect(app.get(Journal).take()).toEqual(['handler'])
})

test('a guard provided as APP_GUARD stands before messages of a hybrid application', async () => {
  const provider = { provide: APP_GUARD, inject: [Journal], useFactory: (journal: Journal) => new NotingGuard(journal) }
  const { app, client } = await startHybrid({
    ...module,
    providers: [Journal, provider],
    connect: { inheritAppConfig: true },
  })
  await ask(client, 'work', 5)
  expect(app.get(Journal).take()).toEqual(['guard', 'handler'])
})
