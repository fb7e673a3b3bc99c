import type { AddressInfo } from 'node:net'
import type { INestApplication } from '@nestjs/common'
import { expect, onTestFinished, test } from 'vitest'
import { startBot } from '../../examples/bot-service/start-bot.js'
import { connect } from '../../src/client/chat-client.js'
import type { RoomItem } from '../../src/client/room-items.js'
import type { Room } from '../../src/client/room.js'
import { runApp, type TestApp } from '../support/running-app.js'

interface Scene {
  readonly lobby: Room
  readonly next: () => Promise<RoomItem>
  /** Answers with status and body. */
  readonly post: (body: unknown) => Promise<{ readonly status: number; readonly body: unknown }>
}

/** Alice sits in the lobby and has seen the bot come in. */
async function aliceAndTheBot(): Promise<Scene> {
  const server = await runApp()
  const { lobby, next } = await aliceInTheLobby(server)
  const bot = await startBot({
    NESTWIRE_PORT: String(server.address.port),
    NESTWIRE_TOKEN: await server.tokenOf('clock', { role: 'service' }),
    BOT_HTTP_PORT: '0',
  })
  onTestFinished(() => bot.close())
  expect(await next()).toMatchObject({ kind: 'join', sender: 'clock' })
  return { lobby, next, post: (body) => post(bot, body) }
}

async function aliceInTheLobby(server: TestApp): Promise<Pick<Scene, 'lobby' | 'next'>> {
  const alice = await connect({ port: server.address.port, token: await server.tokenOf('alice') })
  onTestFinished(() => alice.close())
  const lobby = await alice.join('lobby')
  const items = lobby[Symbol.asyncIterator]()
  const next = async (): Promise<RoomItem> => {
    const { value } = await items.next()
    if (value === undefined) throw new Error('the room has ended')
    return value
  }
  return { lobby, next }
}

async function post(bot: INestApplication, body: unknown): ReturnType<Scene['post']> {
  const { port } = bot.getHttpServer().address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/post`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

test('answers !time in the room', async () => {
  const { lobby, next } = await aliceAndTheBot()
  await lobby.publish('!time')
  expect(await next()).toMatchObject({ kind: 'text', sender: 'alice', text: '!time' })
  expect(await next()).toMatchObject({ kind: 'text', sender: 'clock', text: expect.stringMatching(/^It is 20\d\d-/) })
})

test('lets other messages pass without a word', async () => {
  const { lobby, next } = await aliceAndTheBot()
  await lobby.publish('what time is it?')
  await lobby.publish('!time')
  const senders = [await next(), await next(), await next()].map((item) => ('sender' in item ? item.sender : item.kind))
  expect(senders).toEqual(['alice', 'alice', 'clock'])
})

test('posts as the bot what comes by HTTP', async () => {
  const { next, post } = await aliceAndTheBot()
  const answer = await post({ room: 'lobby', text: 'hello from HTTP' })
  const item = await next()
  expect(item).toMatchObject({ kind: 'text', sender: 'clock', text: 'hello from HTTP' })
  expect(answer).toEqual({ status: 201, body: { seq: 'seq' in item && item.seq, timeMs: expect.any(Number) } })
})

test('tells an HTTP caller of a room that is not there', async () => {
  const { post } = await aliceAndTheBot()
  const answer = await post({ room: 'nowhere', text: 'hi' })
  expect(answer).toMatchObject({ status: 404, body: { code: 'ROOM_NOT_FOUND' } })
})

test('tells an HTTP caller what is wrong with a message', async () => {
  const { post } = await aliceAndTheBot()
  const answer = await post({ room: 'lobby' })
  expect(answer).toMatchObject({ status: 400, body: { code: 'BAD_PAYLOAD' } })
})
