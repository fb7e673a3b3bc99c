/** The health page of a service through the whole life of its server: both of its clients, with terminus, and nothing scripted. */
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Controller, Get, Injectable, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern } from '@nestjs/microservices'
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus'
import {
  ChatService,
  NestwireClient,
  NestwireClientModule,
  NestwireHealthIndicator,
  NestwireServer,
  type ChatServiceOptions,
  type HealthOptions,
} from 'nestwire'
import { NestwireModule } from 'nestwire/server'
import { expect, onTestFinished, test } from 'vitest'
import { issueToken } from '../../src/auth/token-issuer.js'
import { ask, Gate, portOf } from './nest-apps.js'

const SECRET = 'the secret of every test, which is no secret'

@Controller()
class SlowController {
  constructor(private readonly gate: Gate) {}
  @MessagePattern('slow')
  async slow(): Promise<string> {
    await this.gate.pass()
    return 'done'
  }
}

/** The chat server inside an application that has a handler of its own. */
async function startServer() {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-health-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const settings = { NESTWIRE_PORT: 0, NESTWIRE_DATA_DIR: dataDir, NESTWIRE_AUTH_SECRET: SECRET }
  @Module({ imports: [NestwireModule.forRoot({ settings })], controllers: [SlowController], providers: [Gate] })
  class ServerModule {}
  const app = await NestFactory.create(ServerModule, { logger: false, abortOnError: false })
  onTestFinished(() => app.close())
  app.connectMicroservice(
    { inject: [NestwireServer], useFactory: (server: NestwireServer) => ({ strategy: server }) },
    { inheritAppConfig: true },
  )
  await app.init()
  await app.startAllMicroservices()
  const port = portOf(app.get(NestwireServer, { strict: false }))
  return {
    app,
    port,
    gate: app.get(Gate),
    token: await issueToken({ user: 'news', role: 'service', ttlSeconds: 60 }, SECRET),
  }
}

@Injectable()
class Limits {
  /** Generous: this machine may be busy. */
  current: HealthOptions = { timeoutMs: 10_000, maxRoundTripMs: 10_000 }
}

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly nestwire: NestwireHealthIndicator,
    private readonly chat: ChatService,
    private readonly client: NestwireClient,
    private readonly limits: Limits,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    const { current } = this.limits
    return this.health.check([
      () => this.nestwire.check('chat', this.chat, current),
      () => this.nestwire.check('client', this.client, current),
    ])
  }
}

interface Page {
  readonly status: number
  readonly details: unknown
}

async function startService(options: ChatServiceOptions) {
  @Module({
    imports: [TerminusModule.forRoot({ logger: false }), NestwireClientModule.register(options)],
    controllers: [HealthController],
    providers: [NestwireHealthIndicator, Limits],
  })
  class ServiceModule {}
  const app = await NestFactory.create(ServiceModule, { logger: false, abortOnError: false })
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  const page = async (): Promise<Page> => {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    const { details } = (await response.json()) as { readonly details: unknown }
    return { status: response.status, details }
  }
  return { chat: app.get(ChatService), client: app.get(NestwireClient), limits: app.get(Limits), page }
}

test('both clients are up, one lags, one sees the server drain, both find it gone', async () => {
  const { app: server, port, gate, token } = await startServer()
  const { chat, client, limits, page } = await startService({ port, token })
  const figures = { roundTripMs: expect.any(Number), isDraining: false, lagMs: 0 }
  expect(await page()).toEqual({
    status: 200,
    details: { chat: { status: 'up', ...figures }, client: { status: 'up', ...figures } },
  })

  const work = new Gate()
  await chat.rooms.create('orders')
  const listening = chat.onMessage('orders', () => work.pass(), { after: 0 }).subscribe()
  onTestFinished(() => listening.unsubscribe())
  await work.reached
  limits.current = { ...limits.current, maxLagMs: 1 }
  await expect.poll(page).toMatchObject({
    status: 200,
    details: { chat: { status: 'degraded', message: 'a listener takes too long' }, client: { status: 'up' } },
  })
  work.open()
  await expect.poll(page).toMatchObject({ details: { chat: { status: 'up', lagMs: 0 } } })

  // A call in flight holds the connection while its server drains; the other one has none and is sent away at once.
  const call = ask(client, 'slow')
  await gate.reached
  limits.current = { timeoutMs: 1000, maxRoundTripMs: 10_000 }
  const closed = server.close()
  await expect.poll(page, { timeout: 10_000 }).toMatchObject({
    status: 503,
    details: { chat: { status: 'down' }, client: { status: 'degraded', isDraining: true } },
  })
  gate.open()
  expect(await call).toBe('done')
  await closed

  limits.current = { timeoutMs: 1000 }
  expect(await page()).toMatchObject({
    status: 503,
    details: { chat: { status: 'down' }, client: { status: 'down', message: expect.stringContaining('ECONNREFUSED') } },
  })
})
