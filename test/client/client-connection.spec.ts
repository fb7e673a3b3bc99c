import { describe, expect, onTestFinished, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { Feature, Priority } from '../../src/protocol/constants.js'
import { ClientConnection, type ConnectionOptions } from '../../src/client/index.js'
import type { WireLimits } from '../../src/protocol/packets.js'
import { countWrites } from '../support/count-writes.js'
import { ManualClock } from '../support/manual-clock.js'
import { ack, authOk, deliver, joined, LOBBY, ScriptedServer, welcome } from './scripted-server.js'

async function openTo(server: ScriptedServer, options: ConnectionOptions = {}, limits: WireLimits = {}) {
  const opening = ClientConnection.open({ port: server.port, token: 'token', ...options })
  const served = await server.admit(limits)
  const connection = await opening
  onTestFinished(() => connection.close())
  return { connection, served }
}

async function start(options?: ConnectionOptions, limits?: WireLimits) {
  const server = await ScriptedServer.start()
  return { server, ...(await openTo(server, options, limits)) }
}

const reply = (correlation: number, value: unknown) =>
  ({ kind: 'reply', correlation, body: encodeBody(value) }) as const
const next = (correlation: number, value: unknown) => ({ kind: 'next', correlation, body: encodeBody(value) }) as const

/** The rejection of a promise that must reject. */
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('it was fulfilled'),
    (error: unknown) => error,
  )

describe('opening', () => {
  test('says HELLO, then AUTH with the token of the function', async () => {
    const server = await ScriptedServer.start()
    const opening = ClientConnection.open({ port: server.port, token: () => 'fresh', agent: 'tester' })
    const served = await server.accept()
    expect(await served.expect('hello')).toMatchObject({
      minVersion: 1,
      maxVersion: 1,
      features: Feature.Resume | Feature.Positions | Feature.Cluster,
      agent: 'tester',
    })
    served.send(welcome({ limits: { maxFrameBytes: 9000 } }))
    const auth = await served.expect('auth')
    expect(auth).toMatchObject({ token: 'fresh', redirects: 0 })
    served.send(authOk({ correlation: auth.correlation }))
    const connection = await opening
    expect(connection.session?.user).toBe('alice')
    expect(connection.welcome.connection).toBe('c1')
    expect(connection.limits.maxFrameBytes).toBe(9000)
    await connection.close()
  })

  test('sends no AUTH where the server wants none', async () => {
    const server = await ScriptedServer.start()
    const opening = ClientConnection.open({ port: server.port, token: 'unused' })
    const served = await server.accept()
    await served.expect('hello')
    served.send(welcome({ authentication: 'none' }))
    const connection = await opening
    expect(connection.session).toBeUndefined()
    await served.expectNothing()
    await connection.close()
  })

  test('keeps the code of a refused TCP connection', async () => {
    const server = await ScriptedServer.start()
    const { port } = server
    await server.stop()
    expect(await failure(ClientConnection.open({ port }))).toMatchObject({
      name: 'ConnectionClosedError',
      code: 'ECONNREFUSED',
      cause: { code: 'ECONNREFUSED' },
    })
  })

  test('rejects a port that is none', async () => {
    expect(await failure(ClientConnection.open({ port: 70_000 }))).toMatchObject({ code: 'BAD_FIELD' })
  })

  test('rejects with the error that AUTH was answered with', async () => {
    const server = await ScriptedServer.start()
    const opening = failure(ClientConnection.open({ port: server.port, token: 'expired' }))
    const served = await server.accept()
    await served.expect('hello')
    served.send(welcome())
    const { correlation } = await served.expect('auth')
    const refusal = { kind: 'error', correlation, retryAfterMs: 0, message: 'too old', body: Buffer.alloc(0) } as const
    served.send({ ...refusal, code: ErrorCode.TokenExpired })
    served.closeWith(4012)
    expect(await opening).toMatchObject({ name: 'ServerError', code: 'TOKEN_EXPIRED', message: 'too old' })
    await served.expectEnd()
  })

  test('rejects when the server wants a token and there is none', async () => {
    const server = await ScriptedServer.start()
    const opening = failure(ClientConnection.open({ port: server.port }))
    const served = await server.accept()
    await served.expect('hello')
    served.send(welcome())
    expect(await opening).toMatchObject({ code: 'TOKEN_REQUIRED' })
    expect(await served.expect('close')).toMatchObject({ code: 1000 })
  })

  test('rejects when the token function throws, before connecting', async () => {
    const server = await ScriptedServer.start()
    const cause = new Error('vault sealed')
    const token = () => Promise.reject(cause)
    const error = await failure(ClientConnection.open({ port: server.port, token }))
    expect(error).toMatchObject({ code: 'TOKEN_PROVIDER_FAILED', cause })
    expect(server.connections).toHaveLength(0)
  })

  test('gives up at the connect timeout, not before', async () => {
    const clock = new ManualClock()
    const server = await ScriptedServer.start()
    let error: unknown
    const opening = ClientConnection.open({ port: server.port, clock, connectTimeoutMs: 500 }).catch(
      (reason: unknown) => (error = reason),
    )
    const served = await server.accept()
    await served.expect('hello')
    clock.advance(499)
    await served.expectNothing()
    expect(error).toBeUndefined()
    clock.advance(1)
    await opening
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'CONNECT_TIMEOUT' })
    expect(clock.timers).toBe(0)
  })

  test('rejects bytes that are no frame and says so', async () => {
    const server = await ScriptedServer.start()
    const opening = failure(ClientConnection.open({ port: server.port }))
    const served = await server.accept()
    await served.expect('hello')
    served.socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    expect(await opening).toMatchObject({ code: 'PROTOCOL_ERROR', cause: { name: 'ProtocolError' } })
    expect(await served.expect('close')).toMatchObject({ code: 4000 })
  })

  test('rejects a packet that has no place in the handshake', async () => {
    const server = await ScriptedServer.start()
    const opening = failure(ClientConnection.open({ port: server.port }))
    const served = await server.accept()
    served.send(deliver([1]))
    expect(await opening).toMatchObject({ code: 'PROTOCOL_ERROR' })
  })

  test('takes limits told before AUTH_OK', async () => {
    const server = await ScriptedServer.start()
    const opening = ClientConnection.open({ port: server.port, token: 'token' })
    const served = await server.accept()
    await served.expect('hello')
    served.send(welcome({ limits: { maxMessageBytes: 10, pingIntervalMs: 5 } }))
    const { correlation } = await served.expect('auth')
    served.send({ kind: 'limits', limits: { maxMessageBytes: 20 } }, authOk({ correlation }))
    const connection = await opening
    expect(connection.limits).toEqual({ maxMessageBytes: 20, pingIntervalMs: 5 })
    await connection.close()
  })
})

describe('requests', () => {
  test('sends what the call says and resolves with the reply', async () => {
    const { connection, served } = await start()
    const options = { deadlineMs: 900, metadata: { trace: 'abc' }, priority: 'high' } as const
    const asked = connection.request('math.sum', [1, 2], options)
    const request = await served.expect('request')
    expect(request).toMatchObject({ pattern: 'math.sum', deadlineMs: 900, metadata: { trace: 'abc' } })
    expect(request.priority).toBe(Priority.High)
    expect(decodeBody(request.body)).toEqual([1, 2])
    served.send(reply(request.correlation, 3))
    expect(await asked).toBe(3)
  })

  test.each([
    [32, 1],
    [33, 2],
  ])('%i calls of one turn leave in %i writes', async (calls, expected) => {
    const { connection, served } = await start()
    const writes = countWrites(connection.socket)
    const answers = Array.from({ length: calls }, () => connection.request('now'))
    for (let read = 0; read < calls; read += 1) {
      const { correlation } = await served.expect('request')
      served.send(reply(correlation, 'now'))
    }
    await Promise.all(answers)
    expect(writes()).toBe(expected)
  })

  test.each([
    [16 * 1024, 2],
    [16 * 1024 - 1, 1],
  ])('an event of %i bytes and a small one leave in %i writes', async (frameBytes, expected) => {
    const { connection } = await start()
    const event = { kind: 'event', priority: Priority.Normal, metadata: undefined, pattern: 'log' } as const
    const overheadBytes = encodePacket({ ...event, body: encodeBody(Buffer.alloc(1000)) }).length - 1000
    const writes = countWrites(connection.socket)
    const sizes = [frameBytes - overheadBytes, 1]
    await Promise.all(sizes.map((bytes) => connection.emit('log', Buffer.alloc(bytes))))
    expect(writes()).toBe(expected)
  })

  test('pipelines in one write and takes answers in any order', async () => {
    const { connection, served } = await start()
    const before = served.chunks.length
    const asked = Array.from({ length: 100 }, (_, index) => connection.request('echo', index))
    const requests = []
    while (requests.length < 100) requests.push(await served.expect('request'))
    expect(served.chunks.length - before).toBe(1)
    expect(new Set(requests.map(({ correlation }) => correlation)).size).toBe(100)
    served.send(...requests.toReversed().map(({ correlation, body }) => reply(correlation, decodeBody(body))))
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  test('reads a reply that comes byte by byte', async () => {
    const { connection, served } = await start()
    const asked = connection.request('echo', 'x')
    const { correlation } = await served.expect('request')
    for (const byte of encodePacket(reply(correlation, 'piecemeal'))) {
      served.socket.write(Uint8Array.of(byte))
      await new Promise(setImmediate)
    }
    expect(await asked).toBe('piecemeal')
  })

  test('maps an ERROR to its code, outcome, delay and details', async () => {
    const { connection, served } = await start()
    const asked = failure(connection.request('rooms.info', { room: 'x' }))
    const { correlation } = await served.expect('request')
    const body = encodeBody({ hint: 'join first' })
    served.send({ kind: 'error', correlation, code: 9, retryAfterMs: 70, message: 'no such room', body })
    expect(await asked).toMatchObject({
      name: 'ServerError',
      code: 'ROOM_NOT_FOUND',
      errorCode: 9,
      outcome: 'notLogged',
      retryAfterMs: 70,
      message: 'no such room',
      body: { hint: 'join first' },
    })
  })

  test('keeps an unknown error code as unknown outcome', async () => {
    const { connection, served } = await start()
    const asked = failure(connection.request('x'))
    const { correlation } = await served.expect('request')
    served.send({ kind: 'error', correlation, code: 999, retryAfterMs: 0, message: '', body: Buffer.alloc(0) })
    expect(await asked).toMatchObject({ errorCode: 999, outcome: 'unknown' })
  })

  test('rejects a reply that cannot be read, the connection lives', async () => {
    const { connection, served } = await start()
    const asked = failure(connection.request('x'))
    const { correlation } = await served.expect('request')
    served.send({ kind: 'reply', correlation, body: Buffer.from([0xc1]) })
    expect(await asked).toMatchObject({ code: 'UNEXPECTED_REPLY' })
    await served.expectNothing()
  })

  test('cancels a call with a value in its stream that cannot be read', async () => {
    const { connection, served } = await start()
    const asking = [() => connection.request('x'), () => connection.stream('x')[Symbol.asyncIterator]().next()]
    for (const ask of asking) {
      const asked = failure(ask())
      const { correlation } = await served.expect('request')
      served.send({ kind: 'next', correlation, body: Buffer.from([0xc1]) })
      expect(await asked).toMatchObject({ code: 'UNEXPECTED_REPLY' })
      expect(await served.expect('cancel')).toMatchObject({ correlation })
    }
    await served.expectNothing()
  })

  test('rejects an answer of another kind', async () => {
    const { connection, served } = await start()
    const asked = failure(connection.join('lobby'))
    const { correlation } = await served.expect('join')
    served.send(reply(correlation, 1))
    expect(await asked).toMatchObject({ code: 'UNEXPECTED_REPLY' })
  })

  test('takes the last value where a request is answered by a stream', async () => {
    const { connection, served } = await start()
    const asked = connection.request('count')
    const { correlation } = await served.expect('request')
    served.send(next(correlation, 1), next(correlation, 2), { kind: 'end', correlation })
    expect(await asked).toBe(2)
  })

  test('fails at the deadline, cancels, and ignores the late reply', async () => {
    const clock = new ManualClock()
    const { connection, served } = await start({ clock })
    let error: unknown
    const asked = connection.request('slow', 1, { deadlineMs: 200 }).catch((reason: unknown) => (error = reason))
    const { correlation } = await served.expect('request')
    clock.advance(199)
    await served.expectNothing()
    expect(error).toBeUndefined()
    clock.advance(1)
    await asked
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'DEADLINE_EXCEEDED' })
    expect(await served.expect('cancel')).toMatchObject({ correlation })
    served.send(reply(correlation, 'late'))
    await served.expectNothing()
  })

  test('fails each call at its own deadline', async () => {
    const clock = new ManualClock()
    const { connection, served } = await start({ clock })
    const failed: number[] = []
    const asked = [300, 100, 200].map((deadlineMs) =>
      connection.request('slow', 1, { deadlineMs }).catch(() => failed.push(deadlineMs)),
    )
    for (const _ of asked) await served.expect('request')
    for (const expected of [[100], [100, 200], [100, 200, 300]]) {
      clock.advance(100)
      await served.expect('cancel')
      await Promise.resolve()
      expect(failed).toEqual(expected)
    }
  })

  test('gives no correlation twice while one is in flight', async () => {
    const { connection, served } = await start()
    void connection.request('first').catch(() => undefined)
    const first = await served.expect('request')
    void connection.request('second').catch(() => undefined)
    const second = await served.expect('request')
    expect(second.correlation).not.toBe(first.correlation)
  })

  test('refuses a value that has no MessagePack, locally', async () => {
    const { connection, served } = await start()
    expect(await failure(connection.request('x', () => 1))).toMatchObject({ code: 'BAD_FIELD' })
    expect(await failure(connection.join(' lobby'))).toMatchObject({ code: 'BAD_FIELD' })
    expect(await failure(connection.publish('lobby', '', { messageId: Buffer.alloc(15) }))).toMatchObject({
      code: 'BAD_FIELD',
    })
    await served.expectNothing()
  })
})

describe('observed calls and streams', () => {
  test('hands each value over and completes', async () => {
    const { connection, served } = await start()
    const heard: unknown[] = []
    const over = new Promise<void>((resolve, reject) => {
      const observer = { next: (value: unknown) => heard.push(value), error: reject, complete: resolve }
      connection.call('count', undefined, {}, observer)
    })
    const { correlation } = await served.expect('request')
    served.send(next(correlation, 'a'), next(correlation, 'b'), { kind: 'end', correlation })
    await over
    expect(heard).toEqual(['a', 'b'])
  })

  test('sends CANCEL once and hands over nothing more', async () => {
    const { connection, served } = await start()
    const heard: unknown[] = []
    const observer = { next: (value: unknown) => heard.push(value), error: () => undefined, complete: () => undefined }
    const cancel = connection.call('ticks', undefined, {}, observer)
    const { correlation } = await served.expect('request')
    cancel()
    cancel()
    expect(await served.expect('cancel')).toMatchObject({ correlation })
    served.send(next(correlation, 'late'))
    await served.expectNothing()
    expect(heard).toEqual([])
  })

  test('sends no CANCEL for a call that is over', async () => {
    const { connection, served } = await start()
    const heard: unknown[] = []
    const observer = { next: (value: unknown) => heard.push(value), error: () => undefined, complete: () => undefined }
    const cancel = connection.call('x', undefined, {}, observer)
    served.send(reply((await served.expect('request')).correlation, 1))
    await served.expectNothing()
    expect(heard).toEqual([1])
    cancel()
    await served.expectNothing()
  })

  test('iterates a stream to its end', async () => {
    const { connection, served } = await start()
    const reading = (async () => {
      const values: unknown[] = []
      for await (const value of connection.stream('count', 3)) values.push(value)
      return values
    })()
    const { correlation } = await served.expect('request')
    served.send(next(correlation, 1), next(correlation, 2), { kind: 'end', correlation })
    expect(await reading).toEqual([1, 2])
  })

  test('throws the error of a stream after its values', async () => {
    const { connection, served } = await start()
    const heard: unknown[] = []
    const reading = (async () => {
      for await (const value of connection.stream('count')) heard.push(value)
    })()
    const { correlation } = await served.expect('request')
    const error = {
      kind: 'error',
      correlation,
      code: 1,
      retryAfterMs: 0,
      message: 'broke',
      body: encodeBody('why'),
    } as const
    served.send(next(correlation, 1), error)
    expect(await failure(reading)).toMatchObject({ code: 'APPLICATION', body: 'why' })
    expect(heard).toEqual([1])
  })

  test('cancels a stream whose loop is left', async () => {
    const { connection, served } = await start()
    const reading = (async () => {
      for await (const value of connection.stream('ticks')) return value
      return undefined
    })()
    const { correlation } = await served.expect('request')
    served.send(next(correlation, 'first'))
    expect(await reading).toBe('first')
    expect(await served.expect('cancel')).toMatchObject({ correlation })
  })
})

describe('rooms and events', () => {
  test('joins, publishes and acknowledges', async () => {
    const { connection, served } = await start()
    const joining = connection.join('lobby')
    served.send(joined((await served.expect('join')).correlation, 4))
    expect(await joining).toMatchObject({ room: LOBBY, seq: 4, epoch: 7 })
    const publishing = connection.publish('lobby', 'hi', { priority: 'low' })
    const publish = await served.expect('publish')
    expect(publish.body.toString()).toBe('hi')
    expect(publish.priority).toBe(Priority.Low)
    served.send(ack(publish.correlation, 5))
    expect(await publishing).toMatchObject({ seq: 5, timeMs: 1_700_000_000_005 })
  })

  test('makes a new message id for each message', async () => {
    const { connection, served } = await start()
    void connection.publish('lobby', 'a').catch(() => undefined)
    void connection.publish('lobby', 'b').catch(() => undefined)
    const [first, second] = [await served.expect('publish'), await served.expect('publish')]
    expect(first.messageId).toHaveLength(16)
    expect(first.messageId.equals(second.messageId)).toBe(false)
  })

  test('hears JOINED before a delivery of the same chunk', async () => {
    const heard: string[] = []
    const { connection, served } = await start({ handlers: { onDeliver: () => heard.push('deliver') } })
    const joining = connection.join('lobby', () => heard.push('joined'))
    served.send(joined((await served.expect('join')).correlation, 4), deliver([5]))
    await joining
    await served.expectNothing()
    expect(heard).toEqual(['joined', 'deliver'])
  })

  test('hands events, gaps and goodbyes to the handlers', async () => {
    const heard: unknown[] = []
    const note = (packet: unknown): void => void heard.push(packet)
    const handlers = { onEvent: note, onGap: note, onGoAway: note, onLimits: note }
    const { served } = await start({ handlers })
    const event = { kind: 'event', priority: Priority.Normal, metadata: { a: 'b' }, pattern: 'rooms.presence' } as const
    served.send({ ...event, body: encodeBody({ online: 3 }) })
    served.send({ kind: 'goAway', code: 2001, slotMs: 5, deadlineMs: 10, target: '' })
    served.send({ kind: 'limits', limits: { maxMessageBytes: 5 } })
    await served.expectNothing()
    expect(heard).toEqual([
      { pattern: 'rooms.presence', data: { online: 3 }, metadata: { a: 'b' } },
      expect.objectContaining({ kind: 'goAway', slotMs: 5 }),
      { maxMessageBytes: 5 },
    ])
  })

  test('drops an event nobody can read', async () => {
    const heard: unknown[] = []
    const { served } = await start({ handlers: { onEvent: (event) => heard.push(event) } })
    const event = { kind: 'event', priority: Priority.Normal, metadata: undefined, pattern: 'x' } as const
    served.send({ ...event, body: Buffer.from([0xc1]) })
    await served.expectNothing()
    expect(heard).toEqual([])
  })

  test('settles an event once it is written', async () => {
    const { connection, served } = await start()
    await connection.emit('log.line', { text: 'x' }, { metadata: { a: '1' } })
    expect(await served.expect('event')).toMatchObject({ pattern: 'log.line', metadata: { a: '1' } })
  })

  test.each([
    ['one that leaves at once, for its size', [16 * 1024]],
    ['the last of as many as leave at once', Array.from({ length: 32 }, () => 1)],
  ])('settles an event once it is written: %s', async (_, sizes) => {
    const { connection } = await start()
    await Promise.all(sizes.map((bytes) => connection.emit('log.line', Buffer.alloc(bytes))))
  })

  test('refreshes the session in place', async () => {
    const { connection, served } = await start()
    const refreshing = connection.refresh('newer')
    const auth = await served.expect('auth')
    expect(auth.token).toBe('newer')
    served.send(authOk({ correlation: auth.correlation, expiresAtMs: 123 }))
    await refreshing
    expect(connection.session?.expiresAtMs).toBe(123)
  })
})
