import { ConnectionClosedError, ServerError, TimeoutError, type RoomItem } from 'nestwire'
import { describe, expect, test } from 'vitest'
import { freePort } from '../../bench/free-port.js'
import { issueToken } from '../../src/auth/token-issuer.js'
import { encodeBody } from '../../src/protocol/body.js'
import { startPath } from '../client/cuttable-path.js'
import { ack, ScriptedServer } from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { runApp } from '../support/running-app.js'
import { nextTexts, startScene, startService, textOf } from './chat-scene.js'
import { failureOf } from './nest-apps.js'

describe('send', () => {
  test('resolves with the place of the message in the room', async () => {
    const { chat, enter } = await startScene()
    const lobby = await enter('lobby')
    const { seq, timeMs } = await chat.send('lobby', 'hello')
    for await (const item of lobby) {
      expect(item).toMatchObject({ kind: 'text', sender: 'service', text: 'hello', seq, timeMs })
      break
    }
  })

  test('takes bytes', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    await chat.send('lobby', Uint8Array.of(0, 255))
    const { items } = await chat.history('lobby', { limit: 1 })
    expect(items).toMatchObject([{ kind: 'text', body: Buffer.of(0, 255) }])
  })

  test('keeps the order of the calls', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const texts = Array.from({ length: 50 }, (_, index) => String(index))
    await Promise.all(texts.map((text) => chat.send('lobby', text)))
    expect(await nextTexts(chat.records('lobby'), 50)).toEqual(texts)
  })

  test('stores a message once, wherever the connection is cut on its way and that of its answer', async () => {
    const server = await runApp()
    const path = await startPath(server.address.port)
    const token = await server.tokenOf('service', { role: 'service' })
    const { chat } = await startService({ port: path.port, token, random: () => 0 })
    await chat.rooms.create('lobby')
    const budgets = Array.from({ length: 12 }, (_, index) => 8 + index * 8)
    for (const bytes of budgets) {
      path.cutAfter([bytes, Infinity])
      await chat.send('lobby', String(bytes))
    }
    expect(path.cuts).toBeGreaterThan(6)
    expect((await chat.history('lobby')).items.map(textOf)).toEqual(['join', ...budgets.map(String)])
  })

  test('gives a message that is sent again by its id the place of the first', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const messageId = Buffer.alloc(16, 7)
    const first = await chat.send('lobby', 'once', { messageId })
    expect(await chat.send('lobby', 'once', { messageId })).toEqual(first)
  })

  test('rejects with the code of the server', async () => {
    const { chat } = await startScene()
    const error = await failureOf(chat.send('nowhere', 'hi'))
    expect(error).toBeInstanceOf(ServerError)
    expect(error).toMatchObject({ code: 'ROOM_NOT_FOUND', outcome: 'notLogged' })
  })

  test('rejects a name that is no room before it is sent', async () => {
    const { chat } = await startScene()
    expect(await failureOf(chat.send('', 'hi'))).toMatchObject({ name: 'ClientError', code: 'BAD_FIELD' })
  })
})

describe('without a server', () => {
  test('calls and sends wait until there is one', async () => {
    const port = await freePort()
    const clock = new ManualClock()
    const secret = 'the secret of a server that comes later'
    const token = await issueToken({ user: 'service', role: 'service', ttlSeconds: 60 }, secret)
    const { chat } = await startService({ port, token, clock, callTimeoutMs: 60_000, random: () => 0 })
    const created = chat.rooms.create('lobby')
    await runApp({ NESTWIRE_PORT: String(port), NESTWIRE_AUTH_SECRET: secret })
    let isDone = false
    void created.then(() => (isDone = true))
    await expect.poll(() => (clock.advance(250), isDone), { interval: 20 }).toBe(true)
    expect(await created).toMatchObject({ room: 'lobby', role: 'owner' })
  })

  test.each([
    ['a call', (chat) => chat.rooms.info('lobby')],
    ['a send', (chat) => chat.send('lobby', 'hi')],
  ] satisfies [string, (chat: Awaited<ReturnType<typeof startService>>['chat']) => Promise<unknown>][])(
    '%s fails at callTimeoutMs with what was in the way, not before',
    async (_, call) => {
      const clock = new ManualClock()
      const { chat } = await startService({ port: await freePort(), clock, callTimeoutMs: 1000, random: () => 1 })
      let failure: unknown
      void call(chat).catch((error: unknown) => (failure = error))
      await expect.poll(() => clock.timers).toBeGreaterThan(1)
      clock.advance(999)
      await new Promise(setImmediate)
      expect(failure).toBeUndefined()
      clock.advance(11)
      await expect.poll(() => failure).toBeInstanceOf(TimeoutError)
      expect(failure).toMatchObject({ code: 'DEADLINE_EXCEEDED', cause: { code: 'ECONNREFUSED' } })
    },
  )

  test('deadlineMs of one call counts instead of callTimeoutMs', async () => {
    const { chat } = await startService({ port: await freePort() })
    expect(await failureOf(chat.rooms.list({ deadlineMs: 20 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(await failureOf(chat.send('lobby', 'hi', { deadlineMs: 20 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  test('a thousand calls that waited in vain leave nothing behind', async () => {
    const clock = new ManualClock()
    const { chat } = await startService({ port: await freePort(), clock, callTimeoutMs: 1000, random: () => 1 })
    const calls = Array.from({ length: 1000 }, () => failureOf(chat.rooms.info('lobby')))
    await expect.poll(() => clock.timers).toBeGreaterThan(1)
    clock.advance(1010)
    await Promise.all(calls)
    await expect.poll(() => clock.timers).toBeLessThanOrEqual(1)
  })
})

test('with callTimeoutMs 0 calls, sends and pings have no deadline', async () => {
  const clock = new ManualClock()
  const server = await ScriptedServer.start()
  const { chat } = await startService({ port: server.port, token: 'token', clock, callTimeoutMs: 0 })
  const call = chat.rooms.list()
  const send = chat.send('lobby', 'hi')
  const served = await server.admit()
  const publish = await served.expect('publish')
  const request = await served.expect('request')
  const ping = chat.ping()
  const { correlation } = await served.expect('ping')
  clock.advance(15_000)
  served.send(ack(publish.correlation, 5), { kind: 'pong', correlation })
  served.send({ kind: 'reply', correlation: request.correlation, body: encodeBody({ rooms: [], more: false }) })
  expect(await send).toMatchObject({ seq: 5 })
  expect(await call).toEqual({ rooms: [], more: false })
  expect(await ping).toMatchObject({ isDraining: false })
  expect(request.deadlineMs).toBeUndefined()
})

describe('a lost connection', () => {
  test('a question is asked again on the next one', async () => {
    const server = await runApp()
    const path = await startPath(server.address.port)
    const token = await server.tokenOf('service', { role: 'service' })
    const { chat } = await startService({ port: path.port, token, random: () => 0 })
    await chat.rooms.create('lobby')
    path.cutAfter([20, Infinity])
    expect(await chat.rooms.info('lobby')).toMatchObject({ room: 'lobby', members: 1 })
    expect(path.cuts).toBe(1)
  })

  test('what must not be done twice fails, typed', async () => {
    const server = await runApp()
    const path = await startPath(server.address.port)
    const token = await server.tokenOf('service', { role: 'service' })
    const { chat } = await startService({ port: path.port, token, random: () => 0 })
    await chat.rooms.list()
    path.cutAfter([20, Infinity])
    expect(await failureOf(chat.rooms.create('lobby'))).toBeInstanceOf(ConnectionClosedError)
  })

  test('a token that is refused fails the call, and the next one begins anew', async () => {
    const server = await runApp()
    const tokens = ['rubbish', await server.tokenOf('service')]
    const { chat } = await startService({ port: server.address.port, token: () => tokens.shift() ?? '' })
    expect(await failureOf(chat.rooms.list())).toMatchObject({ code: 'TOKEN_INVALID' })
    expect(await chat.rooms.list()).toEqual({ rooms: [], more: false })
  })
})

describe('rooms', () => {
  test('are made, looked at and looked after', async () => {
    const { chat, enter } = await startScene()
    expect(await chat.rooms.create('lobby')).toEqual({ room: 'lobby', role: 'owner', members: 1 })
    await enter('lobby')
    expect(await chat.rooms.info('lobby')).toMatchObject({ room: 'lobby', members: 2, online: 1, owner: 'service' })
    expect(await chat.rooms.list()).toEqual({ rooms: [{ room: 'lobby', members: 2, online: 1 }], more: false })
    const { members } = await chat.rooms.members('lobby', { limit: 1 })
    expect(members).toMatchObject([{ user: 'alice', role: 'member', online: true }])
    expect(await chat.rooms.kick('lobby', 'alice')).toEqual({ room: 'lobby', changed: true })
    expect(await chat.rooms.ban('lobby', 'alice')).toEqual({ room: 'lobby', changed: true })
    expect(await chat.rooms.unban('lobby', 'alice')).toEqual({ room: 'lobby', changed: true })
    expect(await chat.rooms.join('lobby')).toMatchObject({ room: 'lobby', role: 'owner', members: 1 })
    expect(await chat.rooms.signal('lobby', 'typing')).toEqual({ room: 'lobby' })
    expect(await chat.rooms.leave('lobby')).toEqual({ room: 'lobby', changed: true })
  })

  test('a payload that the contract refuses says which field', async () => {
    const { chat } = await startScene()
    const error = await failureOf(chat.rooms.list({ limit: 101 }))
    expect(error).toMatchObject({ code: 'BAD_PAYLOAD', body: [{ path: 'limit' }] })
  })
})

describe('history', () => {
  test('pages forward and back', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const sent = []
    for (const text of ['1', '2', '3']) sent.push(await chat.send('lobby', text))
    const [first, , last] = sent
    const newest = await chat.history('lobby', { limit: 2 })
    expect([newest.items.map(textOf), newest.more]).toEqual([['2', '3'], true])
    const older = await chat.history('lobby', { before: last?.seq ?? 0, limit: 1 })
    expect(older.items.map(textOf)).toEqual(['2'])
    const newer = await chat.history('lobby', { after: first?.seq ?? 0 })
    expect([newer.items.map(textOf), newer.more]).toEqual([['2', '3'], false])
  })

  test('records go through all pages', async () => {
    const { chat } = await startScene()
    await chat.rooms.create('lobby')
    const texts = Array.from({ length: 450 }, (_, index) => String(index))
    await Promise.all(texts.map((text) => chat.send('lobby', text)))
    expect(await nextTexts(chat.records('lobby'), 450)).toEqual(texts)
  })

  test('records that are forgotten are a gap', async () => {
    const { chat } = await startScene({}, { NESTWIRE_HISTORY_MAX_RECORDS: '2', NESTWIRE_LOG_ENGINE: 'memory' })
    await chat.rooms.create('lobby')
    const { seq } = await chat.send('lobby', '1')
    for (const text of ['2', '3', '4']) await chat.send('lobby', text)
    const items: RoomItem[] = []
    for await (const item of chat.records('lobby', { after: seq })) items.push(item)
    expect(items.map(textOf)).toEqual(['gap', '3', '4'])
    expect(items[0]).toMatchObject({ room: 'lobby', from: seq, reason: 'trimmed' })
    const { value } = await chat.records('lobby')[Symbol.asyncIterator]().next()
    expect(value).toMatchObject({ kind: 'gap', from: 0, reason: 'trimmed' })
  })
})
