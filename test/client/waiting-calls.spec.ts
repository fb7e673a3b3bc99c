/** What waits for a connection, or for a join: bounded in number, and nothing is left of it. */
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import type { ChatClient } from '../../src/client/index.js'
import { comeBack, failure, lose, settled, startChat, type Chat } from './chat-harness.js'
import { joined, type ServedConnection } from './scripted-server.js'

const list = (client: ChatClient, deadlineMs = Infinity): Promise<unknown> =>
  client.ask('rooms.list', {}, { deadlineMs, isRepeatable: true })

async function startLost(): Promise<Chat> {
  const chat = await startChat({ maxWaitingCalls: 2 })
  await lose(chat)
  return chat
}

async function answer(served: ServedConnection): Promise<void> {
  const { correlation } = await served.expect('request')
  served.send({ kind: 'reply', correlation, body: encodeBody('a list') })
}

const kinds: readonly [string, (client: ChatClient) => Promise<unknown>][] = [
  ['a call', list],
  ['a ping', (client) => client.ping(60_000)],
  ['a join', (client) => client.join('lobby')],
]

test.each(kinds)('maxWaitingCalls calls wait for a connection; %s beyond them fails at once', async (_, call) => {
  const chat = await startLost()
  const waiting = [list(chat.client), list(chat.client)]
  expect(await failure(call(chat.client))).toMatchObject({ name: 'ClientError', code: 'POOL_EXHAUSTED' })
  const { served } = await comeBack(chat)
  for (const _call of waiting) await answer(served)
  expect(await Promise.all(waiting)).toEqual(['a list', 'a list'])
})

test.each(kinds)('%s takes a place among those that wait', async (_, call) => {
  const chat = await startLost()
  const waiting = [failure(list(chat.client)), failure(call(chat.client))]
  expect(await failure(list(chat.client))).toMatchObject({ code: 'POOL_EXHAUSTED' })
  await chat.client.close()
  expect(await Promise.all(waiting)).toMatchObject([{ code: 'CLOSED' }, { code: 'CLOSED' }])
})

test('who waits no longer leaves its place: a call at its deadline, a join that was given up', async () => {
  const chat = await startLost()
  const leaving = new AbortController()
  const late = failure(list(chat.client, 50))
  const left = failure(chat.client.join('lobby', { signal: leaving.signal }))
  chat.clock.advance(60)
  leaving.abort()
  expect(await late).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  expect(await left).toMatchObject({ code: 'CLOSED' })
  const waiting = [list(chat.client), list(chat.client)]
  const { served } = await comeBack(chat)
  for (const _ of waiting) await answer(served)
  expect(await Promise.all(waiting)).toEqual(['a list', 'a list'])
})

test('a join that was given up while it was asked for takes no place when the connection is lost', async () => {
  const chat = await startChat({ maxWaitingCalls: 2 })
  const leaving = new AbortController()
  const left = failure(chat.client.join('lobby', { signal: leaving.signal }))
  await chat.served.expect('join')
  leaving.abort()
  expect(await left).toMatchObject({ code: 'CLOSED' })
  await lose(chat)
  const waiting = [list(chat.client), list(chat.client)]
  const { served } = await comeBack(chat)
  for (const _ of waiting) await answer(served)
  expect(await Promise.all(waiting)).toEqual(['a list', 'a list'])
})

test('those that wait with a deadline share one timer', async () => {
  const chat = await startLost()
  const timers = chat.clock.timers
  const waiting = [failure(list(chat.client, 50)), failure(list(chat.client, 70))]
  expect(chat.clock.timers).toBe(timers + 1)
  chat.clock.advance(80)
  expect(await Promise.all(waiting)).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }, { code: 'DEADLINE_EXCEEDED' }])
  expect(chat.clock.timers).toBe(timers)
})

test('as many may wait for the join of one room, one more fails, and none when it is joined', async () => {
  const chat = await startChat({ maxWaitingCalls: 2 })
  const joins = [chat.client.join('lobby'), chat.client.join('lobby')]
  expect(await failure(chat.client.join('lobby'))).toMatchObject({ code: 'POOL_EXHAUSTED' })
  chat.served.send(joined((await chat.served.expect('join')).correlation, 4))
  const [room] = await Promise.all(joins)
  const again = await Promise.all([1, 2, 3].map(() => chat.client.join('lobby')))
  expect(again).toEqual([room, room, room])
  await settled()
  await chat.served.expectNothing()
})
