import { Controller, Get } from '@nestjs/common'
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus'
import { Test } from '@nestjs/testing'
import { ChatService, NestwireClientModule, NestwireHealthIndicator, type ChatServiceOptions } from 'nestwire'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/free-port.js'
import { ScriptedServer } from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { startScene } from './chat-scene.js'
import { Gate } from './nest-apps.js'

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly nestwire: NestwireHealthIndicator,
    private readonly chat: ChatService,
  ) {}

  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.nestwire.check('chat', this.chat)])
  }
}

/** The health page of a service: its status and what it says of `chat`. */
async function healthPage(options: ChatServiceOptions) {
  const testing = await Test.createTestingModule({
    imports: [TerminusModule.forRoot({ logger: false }), NestwireClientModule.register(options)],
    controllers: [HealthController],
    providers: [NestwireHealthIndicator],
  }).compile()
  const app = testing.createNestApplication({ logger: false })
  onTestFinished(() => app.close())
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  return async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    const body = (await response.json()) as { readonly details: { readonly chat: unknown } }
    return { status: response.status, chat: body.details.chat }
  }
}

test('a server that answers is up, with the round trip', async () => {
  const { server } = await startScene()
  const page = await healthPage({ port: server.address.port, token: await server.tokenOf('service') })
  expect(await page()).toEqual({
    status: 200,
    chat: { status: 'up', roundTripMs: expect.any(Number), isDraining: false, lagMs: 0 },
  })
})

test('a server that is not there is down, with the reason', async () => {
  const page = await healthPage({ port: await freePort() })
  expect(await page()).toMatchObject({
    status: 503,
    chat: { status: 'down', message: expect.stringContaining('ECONNREFUSED') },
  })
})

test('a server that says nothing is down at timeoutMs, not before', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const chat = new ChatService({ port: server.port, token: 'token', clock })
  onTestFinished(() => chat.close())
  let health: unknown
  const check = new NestwireHealthIndicator()
    .check('chat', chat, { timeoutMs: 100 })
    .then((answer) => (health = answer))
  const served = await server.admit()
  await served.expect('ping')
  clock.advance(99)
  await new Promise(setImmediate)
  expect(health).toBeUndefined()
  clock.advance(11)
  await check
  expect(health).toMatchObject({ chat: { status: 'down', message: 'no answer came in time' } })
})

test('a server that answers more slowly than maxRoundTripMs is degraded, one that drains too', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const chat = new ChatService({ port: server.port, token: 'token', clock })
  onTestFinished(() => chat.close())
  const indicator = new NestwireHealthIndicator()
  const checked = (): Promise<unknown> => indicator.check('chat', chat, { maxRoundTripMs: 250 })
  const first = checked()
  const served = await server.admit()
  const answerAfter = async (roundTripMs: number): Promise<void> => {
    const { correlation } = await served.expect('ping')
    clock.advance(roundTripMs)
    served.send({ kind: 'pong', correlation })
  }
  await answerAfter(250)
  expect(await first).toMatchObject({ chat: { status: 'up', roundTripMs: 250 } })
  const slow = checked()
  await answerAfter(251)
  expect(await slow).toMatchObject({ chat: { status: 'degraded', message: 'the server answers slowly' } })
  const drained = checked()
  served.send({ kind: 'goAway', code: 0, slotMs: 60_000, deadlineMs: 60_000, target: '' })
  await answerAfter(0)
  expect(await drained).toMatchObject({ chat: { status: 'degraded', isDraining: true } })
})

test('a listener that is stuck is degraded', async () => {
  const { chat } = await startScene()
  await chat.rooms.create('lobby')
  const gate = new Gate()
  const listening = chat.onMessage('lobby', () => gate.pass()).subscribe()
  onTestFinished(() => listening.unsubscribe())
  await expect.poll(async () => (await chat.rooms.info('lobby')).online).toBe(1)
  await expect
    .poll(async () => {
      await chat.send('lobby', 'hi')
      return chat.lagMs
    })
    .toBeGreaterThan(1)
  const health = await new NestwireHealthIndicator().check('chat', chat, { maxLagMs: 1, maxRoundTripMs: 10_000 })
  expect(health).toMatchObject({ chat: { status: 'degraded', message: 'a listener takes too long' } })
  gate.open()
})
