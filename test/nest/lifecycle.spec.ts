import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import {
  Controller,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common'
import { MessagePattern, type MicroserviceOptions } from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { NEVER } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { fixedLimits } from '../../src/transport/transport-limits.js'
import { NestwireServer } from '../../src/transport/nestwire-server.js'
import { Gate, Journal, ask, clientOf, failureOf, portOf, startHybrid, startMicroservice } from './nest-apps.js'

@Controller()
@Injectable()
class SlowController {
  constructor(
    private readonly gate: Gate,
    private readonly journal: Journal,
  ) {}
  @MessagePattern('slow')
  async slow(): Promise<string> {
    await this.gate.pass()
    this.journal.note('handler ends')
    return 'done'
  }
  @MessagePattern('endless')
  endless(): typeof NEVER {
    void this.gate.pass()
    return NEVER
  }
}

@Injectable()
class LifecycleNotes
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(private readonly journal: Journal) {}
  onModuleInit(): void {
    this.journal.note('onModuleInit')
  }
  onApplicationBootstrap(): void {
    this.journal.note('onApplicationBootstrap')
  }
  onModuleDestroy(): void {
    this.journal.note('onModuleDestroy')
  }
  beforeApplicationShutdown(): void {
    this.journal.note('beforeApplicationShutdown')
  }
  onApplicationShutdown(): void {
    this.journal.note('onApplicationShutdown')
  }
}

const module = { controllers: [SlowController], providers: [Gate, Journal, LifecycleNotes] }

/** An application around this server that listens to nothing yet. */
async function unstarted(server: NestwireServer) {
  const testing = await Test.createTestingModule(module).compile()
  const app = testing.createNestMicroservice<MicroserviceOptions>({ strategy: server, logger: false })
  onTestFinished(() => app.close())
  return app
}

async function takenPort(): Promise<number> {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  return (other.address() as AddressInfo).port
}

test('a taken port rejects listen with its code', async () => {
  const server = new NestwireServer({ port: await takenPort() })
  const app = await unstarted(server)
  await expect(app.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  expect(server.isAccepting).toBe(false)
})

test('a taken port rejects startAllMicroservices of a hybrid application', async () => {
  const port = await takenPort()
  await expect(startHybrid({ ...module, server: { port } })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('an unknown host rejects listen with its code', async () => {
  const app = await unstarted(new NestwireServer({ host: '192.0.2.1', port: 0 }))
  await expect(app.listen()).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
})

test('the status tells connected and disconnected, also to those who ask late', async () => {
  const { app, server } = await startMicroservice(module)
  const statuses: string[] = []
  app.status.subscribe((status) => statuses.push(status))
  expect(statuses).toEqual(['connected'])
  await app.close()
  expect(statuses).toEqual(['connected', 'disconnected'])
  server.status.subscribe((status) => statuses.push(`late: ${status}`))
  expect(statuses.at(-1)).toBe('late: disconnected')
})

test('listeners given before and after listen hear the net.Server', async () => {
  const heard: string[] = []
  const server = new NestwireServer({ port: 0 })
  const app = await unstarted(server)
  app.on('listening', () => heard.push('listening'))
  app.on('connection', (socket: Socket) => heard.push(`before: ${socket.remotePort}`))
  await app.listen()
  app.on('connection', (socket: Socket) => heard.push(`after: ${socket.remotePort}`))
  const client = clientOf(portOf(server))
  await client.connect()
  const { localPort } = client.unwrap()
  expect(heard).toEqual(['listening', `before: ${localPort}`, `after: ${localPort}`])
})

test('unwrap gives the net.Server, and says so if there is none yet', async () => {
  const server = new NestwireServer({ port: 0 })
  const app = await unstarted(server)
  expect(() => app.unwrap()).toThrow('not listening yet: call listen() or startAllMicroservices() first')
  await app.listen()
  expect(app.unwrap<{ listening: boolean }>().listening).toBe(true)
})

test('getTransportServer gives the strategy, which can be closed alone', async () => {
  const { app, server } = await startMicroservice(module)
  expect(app.getTransportServer()).toBe(server)
  await server.close()
  expect(server.isAccepting).toBe(false)
  expect(app.get(Journal).notes).not.toContain('onModuleDestroy')
})

test('the transport of a microservice closes before the modules', async () => {
  const { app } = await startMicroservice(module)
  const journal = app.get(Journal)
  app.on('close', () => journal.note('transport closed'))
  await app.close()
  expect(journal.notes).toEqual([
    'onModuleInit',
    'onApplicationBootstrap',
    'transport closed',
    'onModuleDestroy',
    'beforeApplicationShutdown',
    'onApplicationShutdown',
  ])
})

test('the transport of a hybrid application closes after beforeApplicationShutdown', async () => {
  const { app, server } = await startHybrid(module)
  const journal = app.get(Journal)
  server.on('close', () => journal.note('transport closed'))
  await app.close()
  expect(journal.notes).toEqual([
    'onModuleInit',
    'onApplicationBootstrap',
    'onModuleDestroy',
    'beforeApplicationShutdown',
    'transport closed',
    'onApplicationShutdown',
  ])
})

test.each([
  ['microservice', startMicroservice],
  ['hybrid application', startHybrid],
] as const)('a handler in flight finishes while a %s closes', async (_name, start) => {
  const { app, client } = await start(module)
  const answer = ask(client, 'slow')
  const gate = app.get(Gate)
  await gate.reached
  const closed = app.close()
  gate.open()
  expect(await answer).toBe('done')
  await closed
  const { notes } = app.get(Journal)
  expect(notes.indexOf('handler ends')).toBeLessThan(notes.indexOf('onApplicationShutdown'))
})

test('a closing server takes no new calls and says why', async () => {
  const { app, client, port } = await startMicroservice(module)
  const answer = ask(client, 'slow')
  const gate = app.get(Gate)
  await gate.reached
  const closed = app.close()
  expect(await failureOf(ask(client, 'slow'))).toMatchObject({ status: 'error', code: 'DRAINING' })
  expect(await failureOf(clientOf(port).connect())).toMatchObject({ code: 'ECONNREFUSED' })
  gate.open()
  await answer
  await closed
})

test('an endless stream holds a closing server up no longer than its drain deadline', async () => {
  const { app, client } = await startMicroservice({
    ...module,
    server: { limits: fixedLimits({ drainTimeoutMs: 50 }) },
  })
  const ended = failureOf(client.send('endless', 0))
  await app.get(Gate).reached
  await app.close()
  expect(await ended).toMatchObject({ code: 'SHUTTING_DOWN' })
})

test('closing twice is closing once', async () => {
  const { app, server } = await startMicroservice(module)
  await Promise.all([server.close(), server.close(), app.close()])
  expect(server.isAccepting).toBe(false)
})

test('closing what never listened does nothing', async () => {
  const app = await unstarted(new NestwireServer({ port: 0 }))
  await app.close()
})
