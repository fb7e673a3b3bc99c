import { Controller, Injectable, Scope, type LoggerService, type Type } from '@nestjs/common'
import {
  EventPattern,
  MessagePattern,
  Payload,
  Transport,
  type MicroserviceOptions,
  type ServerTCP,
} from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { expect, onTestFinished, test } from 'vitest'
import { NestwireServer } from '../../src/transport/nestwire-server.js'
import { NESTWIRE_TRANSPORT } from '../../src/transport/nestwire-transport.js'
import { Journal, ask, clientOf, failureOf, portOf, startHybrid, startMicroservice } from './nest-apps.js'

const NO_HANDLER = 'There is no matching message handler defined in the remote service.'

@Controller()
class ManyPatternsController {
  @MessagePattern(7)
  seven(): string {
    return 'number'
  }
  @MessagePattern({ cmd: 'sum', of: { what: 'numbers' } })
  sum(@Payload() numbers: number[]): number {
    return numbers.reduce((total, number) => total + number, 0)
  }
  @MessagePattern(['first.name', 'second.name'])
  named(): string {
    return 'either'
  }
}

@Controller()
class FirstController {
  @MessagePattern('twice')
  twice(): string {
    return 'first'
  }
}
@Controller()
class SecondController {
  @MessagePattern('twice')
  twice(): string {
    return 'second'
  }
}
@Controller()
class EventToo {
  @EventPattern('twice')
  twice(_data: unknown): void {}
}

@Controller()
@Injectable()
class FirstListener {
  constructor(private readonly journal: Journal) {}
  @EventPattern('happened')
  happened(@Payload() data: string): void {
    this.journal.note(`first ${data}`)
  }
}
@Controller()
@Injectable()
class SecondListener {
  constructor(private readonly journal: Journal) {}
  @EventPattern('happened')
  happened(@Payload() data: string): void {
    this.journal.note(`second ${data}`)
  }
  @MessagePattern('done')
  done(): boolean {
    return true
  }
}

@Controller()
class TransportsController {
  @MessagePattern('only.nestwire', NESTWIRE_TRANSPORT)
  nestwire(): string {
    return 'nestwire'
  }
  @MessagePattern('only.tcp', Transport.TCP)
  tcp(): string {
    return 'tcp'
  }
  @MessagePattern('anywhere')
  anywhere(): string {
    return 'anywhere'
  }
}

@Controller({ scope: Scope.REQUEST })
class RequestScopedController {
  private calls = 0
  @MessagePattern('scoped')
  scoped(): number {
    this.calls += 1
    return this.calls
  }
  @EventPattern('scoped.event')
  event(_data: unknown): void {}
}
@Controller()
class StaticController {
  @MessagePattern('static')
  static(): void {}
}

class WarningLog implements LoggerService {
  readonly warnings: string[] = []
  log(): void {}
  error(): void {}
  warn(message: string): void {
    this.warnings.push(message)
  }
}

test('object and number patterns find their handlers', async () => {
  const { client } = await startMicroservice({ controllers: [ManyPatternsController] })
  expect(await ask(client, 7)).toBe('number')
  expect(await ask(client, { of: { what: 'numbers' }, cmd: 'sum' }, [1, 2, 3])).toBe(6)
  expect(await ask(client, { cmd: 'sum', of: { what: 'numbers' } }, [4, 5])).toBe(9)
})

test('a handler answers to each of its patterns', async () => {
  const { client } = await startMicroservice({ controllers: [ManyPatternsController] })
  expect([await ask(client, 'first.name'), await ask(client, 'second.name')]).toEqual(['either', 'either'])
})

test.each<[string, Type[]]>([
  ['twice has two handlers, @MessagePattern and @MessagePattern', [FirstController, SecondController]],
  ['twice has two handlers, @MessagePattern and @EventPattern', [FirstController, EventToo]],
  ['twice has two handlers, @EventPattern and @MessagePattern', [EventToo, FirstController]],
])('refuses to start where %s', async (message, controllers) => {
  await expect(startMicroservice({ controllers })).rejects.toThrow(`${message}: only one of them would ever be called`)
})

test('two listeners of one event both hear it once', async () => {
  const { app, client } = await startMicroservice({
    controllers: [FirstListener, SecondListener],
    providers: [Journal],
  })
  client.emit('happened', 'today')
  await ask(client, 'done')
  expect(app.get(Journal).notes.toSorted()).toEqual(['first today', 'second today'])
})

test('a handler is bound to the transport it names', async () => {
  const { app, client } = await startHybrid({ controllers: [TransportsController] })
  expect(await ask(client, 'only.nestwire')).toBe('nestwire')
  expect(await ask(client, 'anywhere')).toBe('anywhere')
  expect(await failureOf(ask(client, 'only.tcp'))).toBe(NO_HANDLER)
  const tcp = app.connectMicroservice<MicroserviceOptions>({ transport: Transport.TCP, options: { port: 0 } })
  const handlers = (tcp.getTransportServer() as ServerTCP).getHandlers()
  expect([...handlers.keys()].toSorted()).toEqual(['anywhere', 'only.tcp'])
})

test('a request-scoped controller serves each message anew and is warned about', async () => {
  const logger = new WarningLog()
  const { client } = await startMicroservice({ controllers: [RequestScopedController, StaticController], logger })
  expect([await ask(client, 'scoped'), await ask(client, 'scoped')]).toEqual([1, 1])
  expect(logger.warnings).toEqual([
    'scoped is request-scoped: Nest builds its controller anew for each message',
    'scoped.event is request-scoped: Nest builds its controller anew for each message',
  ])
})

@Injectable()
class PortOwner {
  readonly port = 0
}

test('the strategy may come out of the container', async () => {
  const testing = await Test.createTestingModule({
    controllers: [FirstController],
    providers: [
      PortOwner,
      {
        provide: NestwireServer,
        inject: [PortOwner],
        useFactory: ({ port }: PortOwner) => new NestwireServer({ port }),
      },
    ],
  }).compile()
  const app = testing.createNestApplication({ logger: false })
  onTestFinished(() => app.close())
  app.connectMicroservice({ inject: [NestwireServer], useFactory: (strategy: NestwireServer) => ({ strategy }) })
  await app.init()
  await app.startAllMicroservices()
  expect(await ask(clientOf(portOf(app.get(NestwireServer))), 'twice')).toBe('first')
})
