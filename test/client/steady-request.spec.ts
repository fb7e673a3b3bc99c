import { expect, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { comeBack, failure, lose, settled, startChat, type Chat } from './chat-harness.js'
import { refused, type ServedConnection } from './scripted-server.js'

const READ = { deadlineMs: 60_000, isRepeatable: true }
const CHANGE = { deadlineMs: 60_000, isRepeatable: false }

async function answer(served: ServedConnection, value: unknown): Promise<void> {
  const { correlation, pattern, body } = await served.expect('request')
  expect([pattern, decodeBody(body)]).toEqual(['rooms.info', { room: 'lobby' }])
  served.send({ kind: 'reply', correlation, body: encodeBody(value) })
}

const ask = ({ client }: Chat, options: typeof READ): Promise<unknown> =>
  client.ask('rooms.info', { room: 'lobby' }, options)

test('waits for a connection', async () => {
  const chat = await startChat()
  await lose(chat)
  const asked = ask(chat, CHANGE)
  const { served } = await comeBack(chat)
  await answer(served, 'found')
  expect(await asked).toBe('found')
})

test('is asked again when the connection was lost before the answer', async () => {
  const chat = await startChat()
  const asked = ask(chat, READ)
  await chat.served.expect('request')
  await lose(chat)
  const { served } = await comeBack(chat)
  await answer(served, 'found')
  expect(await asked).toBe('found')
})

test('is not asked again if that might do something twice', async () => {
  const chat = await startChat()
  const failed = failure(ask(chat, CHANGE))
  await chat.served.expect('request')
  await lose(chat)
  expect(await failed).toMatchObject({ code: 'CONNECTION_LOST' })
  const { served } = await comeBack(chat)
  await served.expectNothing()
})

test('goes to the next connection when its server drains, whatever it does', async () => {
  const chat = await startChat()
  const asked = ask(chat, CHANGE)
  const { correlation } = await chat.served.expect('request')
  chat.served.send(refused(correlation, ErrorCode.Draining))
  await chat.served.expectNothing()
  await lose(chat)
  const { served } = await comeBack(chat)
  await answer(served, 'found')
  expect(await asked).toBe('found')
})

test('a refusal is not asked again', async () => {
  const chat = await startChat()
  const failed = failure(ask(chat, READ))
  const { correlation } = await chat.served.expect('request')
  chat.served.send(refused(correlation, ErrorCode.LogUnavailable, 250))
  expect(await failed).toMatchObject({ code: 'LOG_UNAVAILABLE', retryAfterMs: 250 })
  await chat.served.expectNothing()
})

test('has deadlineMs for all its tries together', async () => {
  const chat = await startChat()
  let failed: unknown
  void failure(ask(chat, { ...READ, deadlineMs: 1000 })).then((error) => (failed = error))
  const first = await chat.served.expect('request')
  expect(first.deadlineMs).toBe(1000)
  chat.clock.advance(400)
  await lose(chat)
  const { served } = await comeBack(chat)
  const { deadlineMs } = await served.expect('request')
  expect(deadlineMs).toBe(475)
  chat.clock.advance(474)
  await settled()
  expect(failed).toBeUndefined()
  chat.clock.advance(11)
  await settled()
  expect(failed).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
})

test('without a deadline waits as long as it takes', async () => {
  const chat = await startChat()
  const asked = ask(chat, { ...READ, deadlineMs: Infinity })
  const { correlation, deadlineMs } = await chat.served.expect('request')
  expect(deadlineMs).toBeUndefined()
  chat.served.send({ kind: 'reply', correlation, body: encodeBody('found') })
  expect(await asked).toBe('found')
})
