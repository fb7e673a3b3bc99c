import { Injectable, Module, type ModuleMetadata } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import {
  ChatService,
  getChatToken,
  getNestwireToken,
  InjectChat,
  InjectNestwire,
  NestwireClient,
  NestwireClientModule,
  type ChatServiceOptions,
} from 'nestwire'
import { lastValueFrom } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { runApp } from '../support/running-app.js'
import { failureOf } from './nest-apps.js'

@Injectable()
class ByClass {
  constructor(
    readonly chat: ChatService,
    readonly client: NestwireClient,
  ) {}
}

@Injectable()
class ByName {
  constructor(
    @InjectChat('billing') readonly chat: ChatService,
    @InjectNestwire('billing') readonly client: NestwireClient,
  ) {}
}

const SETTINGS = Symbol('settings')

async function compile(imports: NonNullable<ModuleMetadata['imports']>) {
  const app = await Test.createTestingModule({ imports }).compile()
  await app.init()
  onTestFinished(() => app.close())
  return app
}

async function serverFor(
  user: string,
): Promise<{ readonly options: ChatServiceOptions; readonly count: () => number }> {
  const server = await runApp()
  const token = await server.tokenOf(user, { role: 'service' })
  return { options: { port: server.address.port, token }, count: () => server.server.connectionCount }
}

test('nothing is connected before the first call', async () => {
  const { options, count } = await serverFor('service')
  const app = await Test.createTestingModule({
    imports: [NestwireClientModule.register(options)],
    providers: [ByClass],
  }).compile()
  await app.init()
  const { chat, client } = app.get(ByClass)
  expect(count()).toBe(0)
  await chat.rooms.create('lobby')
  expect(count()).toBe(1)
  expect(await lastValueFrom(client.send('rooms.info', { room: 'lobby' }))).toMatchObject({ owner: 'service' })
  expect(count()).toBe(2)
  await app.close()
  await expect.poll(count).toBe(0)
})

test('clients with names speak to servers of their own', async () => {
  const [plain, billing] = [await serverFor('plain'), await serverFor('billing')]
  const app = await Test.createTestingModule({
    imports: [
      NestwireClientModule.register(plain.options),
      NestwireClientModule.register({ name: 'billing', ...billing.options }),
    ],
    providers: [ByClass, ByName],
  }).compile()
  onTestFinished(() => app.close())
  await app.get(ByClass).chat.rooms.create('lobby')
  await app.get(ByName).chat.rooms.create('lobby')
  expect(await app.get(ByClass).chat.rooms.info('lobby')).toMatchObject({ owner: 'plain' })
  expect(await lastValueFrom(app.get(ByName).client.send('rooms.info', { room: 'lobby' }))).toMatchObject({
    owner: 'billing',
  })
  expect(app.get(getChatToken('billing'))).toBe(app.get(ByName).chat)
  expect(app.get(getNestwireToken('billing'))).toBe(app.get(ByName).client)
})

test('options come from a factory with what it is given', async () => {
  const { options } = await serverFor('service')
  @Module({ providers: [{ provide: SETTINGS, useValue: options }], exports: [SETTINGS] })
  class SettingsModule {}
  const app = await compile([
    NestwireClientModule.registerAsync({
      imports: [SettingsModule],
      inject: [SETTINGS],
      useFactory: async (settings: ChatServiceOptions) => settings,
    }),
  ])
  expect(await app.get(ChatService).rooms.list()).toEqual({ rooms: [], more: false })
})

test('a named client may have a factory', async () => {
  const { options } = await serverFor('service')
  const app = await compile([NestwireClientModule.registerAsync({ name: 'billing', useFactory: () => options })])
  expect(await app.get<ChatService>(getChatToken('billing')).rooms.list()).toEqual({ rooms: [], more: false })
})

test('a global client is seen by modules that do not import it', async () => {
  @Module({ providers: [ByClass], exports: [ByClass] })
  class FarModule {}
  const app = await compile([NestwireClientModule.register({ isGlobal: true }), FarModule])
  expect(app.get(ByClass).chat).toBe(app.get(ChatService))
  const own = Test.createTestingModule({ imports: [NestwireClientModule.register({}), FarModule] }).compile()
  expect(await failureOf(own)).toMatchObject({ message: expect.stringContaining('ChatService') })
})

test('what was sent before the shutdown has its answer, what comes after it is refused', async () => {
  const { options } = await serverFor('service')
  const app = await compile([NestwireClientModule.register(options)])
  const chat = app.get(ChatService)
  await chat.rooms.create('lobby')
  const sends = Array.from({ length: 100 }, (_, index) => chat.send('lobby', String(index)))
  await app.close()
  expect(await Promise.all(sends)).toHaveLength(100)
  expect(await failureOf(chat.send('lobby', 'too late'))).toMatchObject({ code: 'CLOSED' })
  expect(await failureOf(chat.rooms.list())).toMatchObject({ code: 'CLOSED' })
})
