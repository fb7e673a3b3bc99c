import type { Socket } from 'node:net'
import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { NEVER, type Observable } from 'rxjs'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/free-port.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { parseUserId } from '../../src/protocol/ids.js'
import type { Authenticator, Principal } from '../../src/transport/authentication.js'
import { NestwireException } from '../../src/transport/nestwire.exception.js'
import type { NestwireContext } from '../../src/transport/nestwire.context.js'
import { fixedLimits } from '../../src/transport/transport-limits.js'
import { ScriptedServer, authOk, welcome } from '../client/scripted-server.js'
import { ask, clientOf, failureOf, startMicroservice, type StartOptions } from './nest-apps.js'

@Controller()
class ConnectionController {
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
  @MessagePattern('wait')
  wait(): Observable<never> {
    return NEVER
  }
  @MessagePattern('whoami')
  whoami(@Ctx() context: NestwireContext): string {
    return context.getPrincipal()?.user ?? 'nobody'
  }
  @MessagePattern('throw.me.out')
  throwOut(@Ctx() context: NestwireContext): Observable<never> {
    context.getConnection().close(CloseCode.IdleTimeout, 'enough')
    return NEVER
  }
}

/** A server whose sockets the test may cut. */
async function start(options: StartOptions<never>['server'] = {}) {
  const started = await startMicroservice({ controllers: [ConnectionController], server: options })
  const sockets: Socket[] = []
  started.server.on('connection', (socket) => sockets.push(socket))
  const cut = (): void => {
    for (const socket of sockets.splice(0)) socket.destroy()
  }
  return { ...started, cut }
}

const tokens: Authenticator = {
  authenticate: (token) => {
    const user = parseUserId(token)
    if (user !== undefined && token !== 'mallory') {
      const principal: Principal = { user, username: token, role: 'user', expiresAtMs: Infinity }
      return Promise.resolve(principal)
    }
    return Promise.reject(new NestwireException(ErrorCode.TokenInvalid, 'not a token of ours'))
  },
}

test('a refused connection keeps its code, for calls and events too', async () => {
  const client = clientOf(await freePort())
  const refused = { code: 'ECONNREFUSED' }
  expect(await failureOf(client.connect())).toMatchObject(refused)
  expect(await failureOf(client.send('echo', 1))).toMatchObject(refused)
  expect(await failureOf(client.emit('echo', 1))).toMatchObject(refused)
})

test('an event nobody listens to the end of may fail without a trace', async () => {
  const client = clientOf(await freePort())
  client.emit('echo', 1)
  expect(await failureOf(client.connect())).toMatchObject({ code: 'ECONNREFUSED' })
})

test('the status follows the connection', async () => {
  const { client, cut } = await start()
  const statuses: string[] = []
  client.status.subscribe((status) => statuses.push(status))
  await client.connect()
  const lost = new Promise((resolve) => client.on('close', resolve))
  cut()
  expect(await lost).toMatchObject({ code: 'CONNECTION_LOST' })
  await client.connect()
  await client.close()
  expect(statuses).toEqual(['connected', 'disconnected', 'connected', 'disconnected'])
})

test('the status of a failed connect is disconnected', async () => {
  const client = clientOf(await freePort())
  const statuses: string[] = []
  client.status.subscribe((status) => statuses.push(status))
  await failureOf(client.connect())
  expect(statuses).toEqual(['disconnected'])
})

test('listeners survive reconnects', async () => {
  const { client, cut } = await start()
  const heard: string[] = []
  client.on('connect', () => heard.push('connect'))
  const closed = (): Promise<void> => new Promise((resolve) => client.on('close', () => resolve()))
  client.on('close', (error) => heard.push(error?.code ?? 'close'))
  for (const way of ['cut', 'close']) {
    await client.connect()
    const over = closed()
    if (way === 'cut') cut()
    else await client.close()
    await over
  }
  await client.connect()
  expect(heard).toEqual(['connect', 'CONNECTION_LOST', 'connect', 'close', 'connect'])
})

test('the call after a lost connection connects anew', async () => {
  const { client, cut } = await start()
  await client.connect()
  const first = client.unwrap()
  const lost = new Promise((resolve) => client.on('close', resolve))
  cut()
  await lost
  expect(() => client.unwrap()).toThrow('not connected yet')
  expect(await ask(client, 'echo', 'again')).toBe('again')
  expect(client.unwrap()).not.toBe(first)
})

test('pending calls fail when the client closes', async () => {
  const { client } = await start()
  const pending = [failureOf(client.send('wait', 0)), failureOf(client.send('wait', 0))]
  await ask(client, 'echo')
  await client.close()
  expect(await Promise.all(pending)).toEqual([
    expect.objectContaining({ code: 'CLOSED' }),
    expect.objectContaining({ code: 'CLOSED' }),
  ])
  expect(await ask(client, 'echo', 'after close')).toBe('after close')
})

test('pending calls fail when the connection is cut', async () => {
  const { client, cut } = await start()
  const pending = [failureOf(client.send('wait', 0)), failureOf(client.send('wait', 0))]
  await ask(client, 'echo')
  cut()
  for (const failure of await Promise.all(pending)) expect(failure).toMatchObject({ code: 'CONNECTION_LOST' })
})

test('pending calls fail with the code of the server when it shuts down', async () => {
  const { app, client } = await start({ limits: fixedLimits({ drainTimeoutMs: 20 }) })
  const pending = failureOf(client.send('wait', 0))
  await ask(client, 'echo')
  await app.close()
  expect(await pending).toMatchObject({ code: 'SHUTTING_DOWN', retryClass: 'later' })
})

test('a call that fails within an observer keeps no other from failing', async () => {
  const { client, cut } = await start()
  const first = new Promise((resolve) =>
    client.send('wait', 0).subscribe({
      error: (error: unknown) => {
        client.send('wait', 'asked again at once').subscribe({ error: () => undefined })
        resolve(error)
      },
    }),
  )
  const second = failureOf(client.send('wait', 0))
  await ask(client, 'echo')
  cut()
  expect([await first, await second]).toEqual([
    expect.objectContaining({ code: 'CONNECTION_LOST' }),
    expect.objectContaining({ code: 'CONNECTION_LOST' }),
  ])
})

test('a call that makes the server close fails with the close code', async () => {
  const { client } = await start()
  expect(await failureOf(client.send('throw.me.out', 0))).toMatchObject({ code: 'IDLE_TIMEOUT', message: 'enough' })
})

test('a full server is told by its close code', async () => {
  const { client, port } = await start({ limits: fixedLimits({ maxConnections: 1 }) })
  await client.connect()
  expect(await failureOf(clientOf(port).connect())).toMatchObject({ code: 'SERVER_FULL', retryAfterMs: 5_000 })
})

test('close during connect leaves nothing connected', async () => {
  const { client, server } = await start()
  const connected = failureOf(client.connect())
  const call = failureOf(client.send('wait', 0))
  await client.close()
  expect(await connected).toMatchObject({ code: 'CLOSED' })
  expect(await call).toMatchObject({ code: expect.stringMatching(/^(CLOSED|NOT_CONNECTED)$/) })
  expect(() => client.unwrap()).toThrow('not connected yet')
  await server.close()
  expect(server.connectionCount).toBe(0)
})

test('close does not wait for a server that says nothing', async () => {
  const silent = await ScriptedServer.start()
  const client = clientOf(silent.port)
  const connected = failureOf(client.connect())
  const followed = failureOf(client.follow('lobby'))
  await silent.accept()
  await silent.accept()
  await client.close()
  expect([await connected, await followed]).toMatchObject([{ code: 'CLOSED' }, { code: 'CLOSED' }])
})

test('closing before connecting, and twice, does nothing', async () => {
  const { client } = await start()
  await client.close()
  await client.connect()
  await Promise.all([client.close(), client.close()])
  await client.close()
})

test('a token is sent to a server that asks for one', async () => {
  const { port } = await start({ authentication: tokens })
  expect(await ask(clientOf(port, { token: 'alice' }), 'whoami')).toBe('alice')
  expect(await ask(clientOf(port, { token: () => Promise.resolve('bob') }), 'whoami')).toBe('bob')
})

test('a token is not sent to a server that asks for none', async () => {
  const { port } = await start()
  expect(await ask(clientOf(port, { token: 'alice' }), 'whoami')).toBe('nobody')
})

test.each<[string, string | (() => string) | undefined, object]>([
  ['refused', 'mallory', { code: 'TOKEN_INVALID', message: 'not a token of ours' }],
  ['missing', undefined, { code: 'TOKEN_REQUIRED' }],
  [
    'not to be had',
    () => {
      throw new Error('no vault')
    },
    { code: 'TOKEN_PROVIDER_FAILED' },
  ],
])('a token that is %s fails the call with its code', async (_what, token, expected) => {
  const { port, server } = await start({ authentication: tokens })
  const client = clientOf(port, token === undefined ? {} : { token })
  const failure = await failureOf(client.send('whoami', 0))
  expect(failure).toBeInstanceOf(Error)
  expect(failure).toMatchObject(expected)
  await server.close()
  expect(server.connectionCount).toBe(0)
})

test('a connection that ends with its first packet was never connected', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { token: 'x' })
  const statuses: string[] = []
  client.status.subscribe((status) => statuses.push(status))
  const connected = failureOf(client.connect())
  const served = await server.accept()
  await served.expect('hello')
  served.send(welcome())
  const { correlation } = await served.expect('auth')
  served.send(authOk({ correlation }), { kind: 'close', code: 4000, retryAfterMs: 0, target: '', message: 'gone' })
  expect(await connected).toMatchObject({ message: 'gone' })
  expect(statuses).toEqual(['disconnected'])
  expect(() => client.unwrap()).toThrow('not connected yet')
})

test('events the server sends of its own accord reach the listener', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { token: 'x' })
  const event = new Promise((resolve) => client.on('event', resolve))
  const [served] = await Promise.all([server.admit(), client.connect()])
  served.send({ kind: 'event', priority: 0, metadata: undefined, pattern: 'news', body: Buffer.from('a26869', 'hex') })
  expect(await event).toEqual({ pattern: 'news', data: 'hi', metadata: undefined })
})

test('a call that was answered is not cancelled', async () => {
  const server = await ScriptedServer.start()
  const client = clientOf(server.port, { token: 'x' })
  const [served] = await Promise.all([server.admit(), client.connect()])
  const answer = ask(client, 'echo', 1)
  const { correlation } = await served.expect('request')
  served.send({ kind: 'reply', correlation, body: Buffer.from('01', 'hex') })
  expect(await answer).toBe(1)
  await served.expectNothing()
})
