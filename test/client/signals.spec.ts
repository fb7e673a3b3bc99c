import { expect, onTestFinished, test } from 'vitest'
import { connect, type Signal } from '../../src/client/index.js'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { runApp } from '../support/running-app.js'
import { comeBack, failure, joinLobby, last, lose, rejoinLobby, startChat } from './chat-harness.js'
import type { ServedConnection } from './scripted-server.js'

const tell = (served: ServedConnection, pattern: string, body: unknown): void =>
  served.send({ kind: 'event', priority: 0, metadata: undefined, pattern, body: encodeBody(body) })
const typing = (from: string, room = 'lobby') => ({ room, name: 'typing', from })

test('a signal is a request with room, name and data', async () => {
  const chat = await startChat()
  const room = await joinLobby(chat, 0)
  const signalling = room.signal('typing', { isTyping: true })
  const { correlation, pattern, body } = await chat.served.expect('request')
  expect([pattern, decodeBody(body)]).toEqual([
    'rooms.signal',
    { room: 'lobby', name: 'typing', data: { isTyping: true } },
  ])
  chat.served.send({ kind: 'reply', correlation, body: encodeBody({ room: 'lobby' }) })
  expect(await signalling).toBeUndefined()
})

test('a room hears its own signals, until it stops listening', async () => {
  const chat = await startChat()
  const room = await joinLobby(chat, 0)
  const heard: Signal[] = []
  const stop = room.onSignal((signal) => heard.push(signal))
  tell(chat.served, 'rooms.signal', typing('bob', 'attic'))
  tell(chat.served, 'rooms.signal', { ...typing('bob'), data: [1] })
  tell(chat.served, 'rooms.signal', typing('carol'))
  await expect
    .poll(() => heard)
    .toEqual([
      { name: 'typing', from: 'bob', data: [1] },
      { name: 'typing', from: 'carol', data: undefined },
    ])
  stop()
  const events: string[] = []
  chat.client.onEvent(({ pattern }) => events.push(pattern))
  tell(chat.served, 'rooms.signal', typing('dave'))
  await expect.poll(() => events).toEqual(['rooms.signal'])
  expect(heard).toHaveLength(2)
})

test('what is no signal is passed by', async () => {
  const chat = await startChat()
  const room = await joinLobby(chat, 0)
  const heard: Signal[] = []
  room.onSignal((signal) => heard.push(signal))
  const odd = [
    null,
    'text',
    {},
    { room: 1, name: 'x', from: 'y' },
    { room: 'lobby' },
    { room: 'lobby', name: 1, from: 'y' },
  ]
  for (const body of odd) tell(chat.served, 'rooms.signal', body)
  tell(chat.served, 'rooms.signal', typing('bob'))
  await expect.poll(() => heard.map(({ from }) => from)).toEqual(['bob'])
})

test('a listener outlives the connection, a signal does not wait for one', async () => {
  const chat = await startChat()
  const room = await joinLobby(chat, 0)
  const heard: Signal[] = []
  room.onSignal((signal) => heard.push(signal))
  await last(chat)
  await lose(chat)
  expect(await failure(room.signal('typing'))).toMatchObject({ code: 'NOT_CONNECTED' })
  const { served } = await comeBack(chat)
  await rejoinLobby(served, 0)
  tell(served, 'rooms.signal', typing('bob'))
  await expect.poll(() => heard.map(({ from }) => from)).toEqual(['bob'])
})

test('people on a real server hear each other, and not themselves', async () => {
  const app = await runApp()
  const [alice, bob] = await Promise.all(
    ['alice', 'bob'].map(async (user) => {
      const client = await connect({ port: app.address.port, token: () => app.tokenOf(user) })
      onTestFinished(() => client.close())
      const heard: Signal[] = []
      const room = await client.join('lobby')
      room.onSignal((signal) => heard.push(signal))
      return { room, heard }
    }),
  )
  await alice?.room.signal('typing', { isTyping: true })
  await bob?.room.signal('nudge')
  await expect.poll(() => bob?.heard).toEqual([{ name: 'typing', from: 'alice', data: { isTyping: true } }])
  await expect.poll(() => alice?.heard).toEqual([{ name: 'nudge', from: 'bob', data: undefined }])
  await expect(alice?.room.signal('x'.repeat(65))).rejects.toMatchObject({ code: 'BAD_PAYLOAD' })
})
