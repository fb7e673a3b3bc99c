import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Controller, Injectable, Module, type DynamicModule, type INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern } from '@nestjs/microservices'
import { CurrentUser, NestwireServer, type Principal, type Role, type RoomId } from 'nestwire'
import {
  ClusterRouter,
  DefaultRoomPolicy,
  NestwireModule,
  Settings,
  StartUpError,
  type GivenSettings,
} from 'nestwire/server'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { issueToken } from '../../src/auth/token-issuer.js'
import { connect } from '../../src/client/chat-client.js'
import { NewsPolicy } from '../package/fresh-app/news.policy.js'
import { failureOf, portOf } from './nest-apps.js'

const SECRET = 'the secret of every test, which is no secret'

@Injectable()
class Elsewhere {
  constructor(
    readonly server: NestwireServer,
    readonly settings: Settings,
    readonly router: ClusterRouter,
  ) {}
}

@Controller()
class GreetingController {
  @MessagePattern('greet')
  greet(@CurrentUser() { username }: Principal): string {
    return `hello ${username}`
  }
}

@Module({ providers: [Elsewhere], controllers: [GreetingController] })
class FeatureModule {}

async function testSettings(over: GivenSettings = {}): Promise<GivenSettings> {
  const dataDir = await mkdtemp(join(tmpdir(), 'nestwire-embedded-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  return { NESTWIRE_PORT: 0, NESTWIRE_DATA_DIR: dataDir, NESTWIRE_AUTH_SECRET: SECRET, ...over }
}

interface Embedded {
  readonly app: INestApplication
  readonly port: number
  readonly statusOf: (path: string) => Promise<number>
}

/** As the guide says. */
async function start(chat: DynamicModule): Promise<Embedded> {
  @Module({ imports: [chat, FeatureModule] })
  class HostModule {}
  const app = await NestFactory.create(HostModule, { logger: false, abortOnError: false })
  onTestFinished(() => app.close())
  app.connectMicroservice(
    { inject: [NestwireServer], useFactory: (server: NestwireServer) => ({ strategy: server }) },
    { inheritAppConfig: true },
  )
  await app.init()
  await app.startAllMicroservices()
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as AddressInfo
  return {
    app,
    port: portOf(app.get(NestwireServer, { strict: false })),
    statusOf: async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status,
  }
}

async function login(port: number, user: string, role: Role = 'user') {
  const client = await connect({ port, token: await issueToken({ user, role, ttlSeconds: 60 }, SECRET) })
  onTestFinished(() => client.close())
  return client
}

test('chat and the handlers of the application are served on one port, behind one login', async () => {
  const { port, app } = await start(NestwireModule.forRoot({ settings: await testSettings() }))
  const alice = await login(port, 'alice')
  const room = await alice.join('lobby')
  expect(await room.publish('hi')).toMatchObject({ seq: expect.any(Number) })
  expect(await alice.request('greet', {})).toBe('hello alice')
  expect(app.get(Elsewhere, { strict: false }).server.connectionCount).toBe(1)
})

test('any module of the application is given the server, its settings and the router', async () => {
  const { app } = await start(NestwireModule.forRoot({ settings: await testSettings({ NESTWIRE_MAX_ROOMS: 7 }) }))
  const { server, settings, router } = app.get(Elsewhere, { strict: false })
  expect([server.connectionCount, settings.current.rooms.maxRooms, router.isAlone]).toEqual([0, 7, true])
})

test('options come from a factory', async () => {
  const SETTINGS = Symbol('settings')
  @Module({ providers: [{ provide: SETTINGS, useFactory: () => testSettings() }], exports: [SETTINGS] })
  class HostSettingsModule {}
  const { port } = await start(
    NestwireModule.forRootAsync({
      imports: [HostSettingsModule],
      inject: [SETTINGS],
      useFactory: (settings: GivenSettings) => ({ settings }),
    }),
  )
  expect((await login(port, 'alice')).session).toMatchObject({ user: 'alice' })
})

describe('settings', () => {
  test('that are given win over the environment, which has the rest', async () => {
    vi.stubEnv('NESTWIRE_MAX_ROOMS', '7')
    vi.stubEnv('NESTWIRE_RESUME', 'true')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { app } = await start(NestwireModule.forRoot({ settings: await testSettings({ NESTWIRE_RESUME: false }) }))
    const { current } = app.get(Settings, { strict: false })
    expect([current.rooms.maxRooms, current.sessions.resume]).toEqual([7, false])
  })

  test('that cannot be end the start with their name', async () => {
    const starting = start(NestwireModule.forRoot({ settings: await testSettings({ NESTWIRE_MAX_ROOMS: 0 }) }))
    const error = await failureOf(starting)
    expect(error).toBeInstanceOf(StartUpError)
    expect(error).toMatchObject({ message: expect.stringContaining('NESTWIRE_MAX_ROOMS') })
  })
})

describe('rules for rooms that the application gives', () => {
  test('say who opens a room and who sends to it; the others get FORBIDDEN', async () => {
    const { port } = await start(NestwireModule.forRoot({ settings: await testSettings(), roomPolicy: NewsPolicy }))
    const [alice, desk] = await Promise.all([login(port, 'alice'), login(port, 'desk', 'service')])
    expect(await failureOf(alice.request('rooms.create', { room: 'news/today' }))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await failureOf(alice.join('news/today'))).toMatchObject({ code: 'ROOM_NOT_FOUND' })
    await desk.request('rooms.create', { room: 'news/today' })
    const news = await alice.join('news/today')
    expect(await failureOf(news.publish('hi'))).toMatchObject({ code: 'FORBIDDEN' })
    const typing = { room: 'news/today', name: 'typing', data: 1 }
    expect(await failureOf(alice.request('rooms.signal', typing))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await desk.publish('news/today', 'extra')).toMatchObject({ seq: expect.any(Number) })
  })

  test('leave the rest to the default ones', async () => {
    const settings = await testSettings({ NESTWIRE_ROOMS_OPEN: true })
    const { port } = await start(NestwireModule.forRoot({ settings, roomPolicy: NewsPolicy }))
    const [alice, bob] = await Promise.all([login(port, 'alice'), login(port, 'bob')])
    const lobby = await alice.join('lobby')
    expect(await lobby.publish('hi')).toMatchObject({ seq: expect.any(Number) })
    expect(await failureOf(bob.publish('lobby', 'hi'))).toMatchObject({ code: 'NOT_A_MEMBER' })
  })

  test('are given what the factory imports, the settings and the router', async () => {
    @Injectable()
    class Staff {
      readonly users = ['alice']
    }
    @Module({ providers: [Staff], exports: [Staff] })
    class StaffModule {}
    @Injectable()
    class StaffPolicy extends DefaultRoomPolicy {
      constructor(
        settings: Settings,
        private readonly staff: Staff,
        private readonly router: ClusterRouter,
      ) {
        super(settings)
      }
      override mayCreate(caller: Principal, room: RoomId): boolean {
        return this.router.isAlone && this.staff.users.includes(caller.user) && super.mayCreate(caller, room)
      }
    }
    const useFactory = async () => ({ settings: await testSettings() })
    const { port } = await start(
      NestwireModule.forRootAsync({ imports: [StaffModule], useFactory, roomPolicy: StaffPolicy }),
    )
    const [alice, bob] = await Promise.all([login(port, 'alice'), login(port, 'bob')])
    expect(await failureOf(bob.request('rooms.create', { room: 'plans' }))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await alice.request('rooms.create', { room: 'plans' })).toMatchObject({ room: 'plans' })
  })
})

describe('pages', () => {
  test.each([
    ['the prefix that is given', { httpPrefix: 'chat' }, [200, 200, 200, 200, 404]],
    ['the root, if it is empty', { httpPrefix: '' }, [404, 404, 404, 404, 200]],
    ['nowhere, if there is none', {}, [404, 404, 404, 404, 404]],
  ])('are under %s', async (_, extras, statuses) => {
    const { statusOf } = await start(NestwireModule.forRoot({ settings: await testSettings(), ...extras }))
    const pages = ['/chat/health/ready', '/chat/metrics', '/chat/cluster', '/chat/admin/config', '/health/ready']
    expect(await Promise.all(pages.map(statusOf))).toEqual(statuses)
  })
})

test('the process is left alone: no signal is listened to, nothing of the environment is changed', async () => {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  const before = [...signals.map((signal) => process.listenerCount(signal)), { ...process.env }]
  await start(NestwireModule.forRoot({ settings: await testSettings() }))
  expect([...signals.map((signal) => process.listenerCount(signal)), { ...process.env }]).toEqual(before)
})

test('closing the application tells clients first, and leaves none connected', async () => {
  const { app, port } = await start(NestwireModule.forRoot({ settings: await testSettings() }))
  const alice = await login(port, 'alice')
  const statuses: string[] = []
  alice.onStatus((status) => statuses.push(status))
  await app.close()
  await expect.poll(() => statuses).toContain('reconnecting')
  expect(app.get(NestwireServer, { strict: false }).connectionCount).toBe(0)
})
