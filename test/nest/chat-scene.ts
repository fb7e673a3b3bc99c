/** A running chat server, a Nest service that uses it by `ChatService`, and alice, who talks by the plain client. */
import type { INestApplicationContext } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { ChatService, NestwireClientModule, type ChatServiceOptions, type RoomItem } from 'nestwire'
import { onTestFinished } from 'vitest'
import { connect } from '../../src/client/chat-client.js'
import type { Room } from '../../src/client/room.js'
import type { Environment } from '../../src/config/load-settings.js'
import { runApp, type TestApp } from '../support/running-app.js'

export interface ServiceApp {
  readonly app: INestApplicationContext
  readonly chat: ChatService
}

export interface ChatScene extends ServiceApp {
  readonly server: TestApp
  /** Alice in a room. */
  readonly enter: (name: string) => Promise<Room>
}

export async function startService(options: ChatServiceOptions): Promise<ServiceApp> {
  const app = await Test.createTestingModule({ imports: [NestwireClientModule.register(options)] }).compile()
  await app.init()
  onTestFinished(() => app.close())
  return { app, chat: app.get(ChatService) }
}

export async function startScene(options: ChatServiceOptions = {}, env: Environment = {}): Promise<ChatScene> {
  const server = await runApp(env)
  const { port } = server.address
  const token = await server.tokenOf('service', { role: 'service' })
  const service = await startService({ port, token, ...options })
  const enter = async (name: string): Promise<Room> => {
    const alice = await connect({ port, token: await server.tokenOf('alice') })
    onTestFinished(() => alice.close())
    return alice.join(name)
  }
  return { ...service, server, enter }
}

export const textOf = (item: RoomItem): string => (item.kind === 'text' ? item.text : item.kind)

/** The texts of the next `count` text items; joins and leaves are passed over. */
export async function nextTexts(items: AsyncIterable<RoomItem>, count: number): Promise<string[]> {
  const texts: string[] = []
  for await (const item of items) {
    if (item.kind === 'text') texts.push(item.text)
    if (texts.length === count) break
  }
  return texts
}
