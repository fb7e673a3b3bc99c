/** A `NestwireClient` of a cluster: one member at a time, another when that one goes or is lost. */
import { expect, onTestFinished, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { Feature } from '../../src/protocol/constants.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { NestwireClient, type NestwireClientOptions } from '../../src/transport/nestwire-client.js'
import {
  at,
  deadServer,
  refused,
  startServers,
  welcome,
  type ScriptedServer,
  type ServedConnection,
} from '../client/scripted-server.js'
import { ManualClock } from '../support/manual-clock.js'
import { ask, failureOf } from './nest-apps.js'

/** Tries servers in the order in which they are given. */
function clientOf(servers: readonly string[], options: NestwireClientOptions = {}): NestwireClient {
  const client = new NestwireClient({ servers, random: () => 0, ...options })
  onTestFinished(() => client.close())
  return client
}

const enter = (server: ScriptedServer, features = 0): Promise<ServedConnection> =>
  server.greet({ authentication: 'none', features })

async function answer(served: ServedConnection, reply: unknown): Promise<void> {
  const { correlation } = await served.expect('request')
  served.send({ kind: 'reply', correlation, body: encodeBody(reply) })
}

/** A call that `served` must hear, and answers. */
async function calls(client: NestwireClient, served: ServedConnection): Promise<void> {
  const call = ask(client, 'echo', 1)
  await answer(served, 'heard')
  expect(await call).toBe('heard')
}

const WELCOME = welcome({ authentication: 'none' })
const goAway = (target = '') =>
  ({ kind: 'goAway', code: CloseCode.ShuttingDown, slotMs: 5000, deadlineMs: 9000, target }) as const

test('a server that is no address is refused when the client is made', () => {
  expect(() => new NestwireClient({ servers: ['a:1', 'a:x'] })).toThrow(expect.objectContaining({ code: 'BAD_FIELD' }))
})

test('a call goes past the servers that are dead', async () => {
  const [alive] = await startServers(1)
  const client = clientOf([await deadServer(), at(alive)])
  const call = ask(client, 'echo', 1)
  await answer(await enter(alive), 'heard')
  expect(await call).toBe('heard')
})

test('a call fails when all servers are dead, and the next one tries them again', async () => {
  const [alive] = await startServers(1)
  const client = clientOf([await deadServer(), await deadServer()])
  for (let times = 0; times < 2; times += 1) {
    expect(await failureOf(client.send('echo', 1))).toMatchObject({ code: 'ECONNREFUSED' })
  }
  expect(alive.connections).toHaveLength(0)
})

test('the dice say which server a client is connected to', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)], { random: () => 0.999 })
  const connected = client.connect()
  await enter(second)
  await connected
})

test('the call after a lost connection goes to another server', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)])
  const [served] = await Promise.all([enter(first), client.connect()])
  const lost = new Promise((resolve) => client.on('close', resolve))
  served.socket.destroy()
  await lost
  const call = ask(client, 'echo', 1)
  await answer(await enter(second), 'heard')
  expect(await call).toBe('heard')
  expect(first.connections).toHaveLength(1)
})

test('a server that sends the client elsewhere is obeyed', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first)], { token: 'token' })
  const connected = client.connect()
  const served = await first.greet()
  await served.expect('auth')
  served.closeWith(3000, { target: at(second) })
  const next = await second.greet()
  const { redirects, correlation } = await next.expect('auth')
  expect(redirects).toBe(1)
  next.send(refused(correlation, ErrorCode.TokenInvalid))
  expect(await failureOf(connected)).toMatchObject({ code: 'TOKEN_INVALID' })
})

test('after GOAWAY new calls go to another server at once, and those in flight end where they are', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)])
  const heard: string[] = []
  client.on('connect', () => heard.push('connect'))
  client.on('close', (error) => heard.push(error?.code ?? 'close'))
  client.status.subscribe((status) => heard.push(status))
  const [old] = await Promise.all([enter(first), client.connect()])
  const inFlight = ask(client, 'slow', 1)
  const { correlation } = await old.expect('request')
  old.send(goAway())
  await old.expectNothing()

  const call = ask(client, 'echo', 1)
  const next = await enter(second)
  await answer(next, 'heard')
  expect(await call).toBe('heard')
  old.send({ kind: 'reply', correlation, body: encodeBody('finished') })
  expect(await inFlight).toBe('finished')
  old.closeWith(CloseCode.ShuttingDown)
  await expect.poll(() => heard).toEqual(['connected', 'connect', 'connect', 'SHUTTING_DOWN'])
  await calls(client, next)
})

test('after GOAWAY new calls go to the server that it names', async () => {
  const [first, second, named] = await startServers(3)
  const client = clientOf([at(first), at(second)])
  const [old] = await Promise.all([enter(first), client.connect()])
  old.send(goAway(at(named)))
  await old.expectNothing()
  const call = ask(client, 'echo', 1)
  await answer(await enter(named), 'heard')
  expect(await call).toBe('heard')
})

test('after GOAWAY of the only server calls go on there', async () => {
  const [only] = await startServers(1)
  const client = clientOf([at(only)])
  const [served] = await Promise.all([enter(only), client.connect()])
  served.send(goAway())
  await served.expectNothing()
  await calls(client, served)
})

test('a call that a draining server has refused is answered by another one', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)])
  const [old] = await Promise.all([enter(first), client.connect()])
  const call = ask(client, 'echo', 1)
  const { correlation } = await old.expect('request')
  old.send(goAway(), refused(correlation, ErrorCode.Draining))
  await answer(await enter(second), 'heard')
  expect(await call).toBe('heard')
})

test('a call that the only server refuses as draining fails with it', async () => {
  const [first] = await startServers(1)
  const client = clientOf([at(first)])
  const [served] = await Promise.all([enter(first), client.connect()])
  const call = failureOf(client.send('echo', 1))
  const { correlation } = await served.expect('request')
  served.send(goAway(), refused(correlation, ErrorCode.Draining))
  expect(await call).toMatchObject({ code: 'DRAINING' })
})

test('a call that waits for another server is not sent when nobody waits for it any more', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)])
  const [old] = await Promise.all([enter(first), client.connect()])
  const call = client.send('echo', 1).subscribe()
  const { correlation } = await old.expect('request')
  old.send(goAway(), refused(correlation, ErrorCode.Draining))
  const next = await second.accept()
  await next.expect('hello')
  call.unsubscribe()
  next.send(WELCOME)
  await calls(client, next)
})

test('GOAWAY right behind the handshake is heeded, too', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)])
  const connected = client.connect()
  const served = await first.accept()
  await served.expect('hello')
  const welcome = {
    kind: 'welcome',
    version: 1,
    features: 0,
    authentication: 'none',
    connection: 'c',
    limits: {},
  } as const
  served.send(welcome, goAway())
  await connected
  const call = ask(client, 'echo', 1)
  await answer(await enter(second), 'heard')
  expect(await call).toBe('heard')
})

test('closing ends the connection that goes away, too', async () => {
  const [first, second] = await startServers(2)
  const client = clientOf([at(first), at(second)])
  const [old] = await Promise.all([enter(first), client.connect()])
  const inFlight = failureOf(client.send('slow', 1))
  await old.expect('request')
  old.send(goAway())
  await old.expectNothing()
  const [next] = await Promise.all([enter(second), client.connect()])
  await client.close()
  await old.expect('close')
  await next.expect('close')
  expect(await inFlight).toMatchObject({ code: 'CLOSED' })
})

test('members that one server tells are called when all seeds are gone', async () => {
  const [seed, member] = await startServers(2)
  const clock = new ManualClock()
  const client = clientOf([at(seed)], { clock, random: () => 0.5 })
  const [served] = await Promise.all([enter(seed, Feature.Cluster), client.connect()])
  clock.advance(5000)
  const { pattern, correlation, body } = await served.expect('request')
  expect([pattern, decodeBody(body)]).toEqual(['cluster.nodes', {}])
  const nodes = [{ id: 'm', name: 'm', address: at(member), state: 'up', connections: 0, isSelf: false }]
  served.send({ kind: 'reply', correlation, body: encodeBody({ nodes }) })
  await served.expectNothing()
  const lost = new Promise((resolve) => client.on('close', resolve))
  await seed.stop()
  await lost
  const call = ask(client, 'echo', 1)
  await answer(await enter(member), 'heard')
  expect(await call).toBe('heard')
})

/** A client with two connections to one member of a cluster, the older first. Its dice say 0.5: it asks after five seconds. */
async function meetTwice(seed: ScriptedServer) {
  const clock = new ManualClock()
  const client = clientOf([at(seed)], { clock, random: () => 0.5, connections: { min: 2 } })
  void client.connect()
  const older = await enter(seed, Feature.Cluster)
  const newer = await enter(seed, Feature.Cluster)
  await expect.poll(() => client.pool.connections).toBe(2)
  return { clock, client, older, newer }
}

const ends = async (client: NestwireClient, served: ServedConnection): Promise<void> => {
  const lost = new Promise((resolve) => client.on('close', resolve))
  served.socket.destroy()
  await lost
}

test('of several connections the newest is asked for the members, once', async () => {
  const [seed] = await startServers(1)
  const { clock, older, newer } = await meetTwice(seed)
  clock.advance(5000)
  await answer(newer, { nodes: [] })
  clock.advance(6000)
  await older.expectNothing()
  await newer.expectNothing()
})

test.each([
  ['before it is asked', 4999],
  ['before it has answered', 5000],
])('when the newest connection ends %s, another one is asked, and heard', async (_, afterMs) => {
  const [seed, member] = await startServers(2)
  const { clock, client, older, newer } = await meetTwice(seed)
  clock.advance(afterMs)
  if (afterMs === 5000) await newer.expect('request')
  await ends(client, newer)
  clock.advance(4999)
  await older.expectNothing()
  clock.advance(1)
  await answer(older, {
    nodes: [{ id: 'm', name: 'm', address: at(member), state: 'up', connections: 0, isSelf: false }],
  })
  await older.expectNothing()
  await seed.stop()
  await expect.poll(() => client.pool.connections).toBe(0)
  const call = ask(client, 'echo', 1)
  await answer(await enter(member), 'heard')
  expect(await call).toBe('heard')
})

test('the end of another connection keeps nobody from asking the newest', async () => {
  const [seed] = await startServers(1)
  const { clock, client, older, newer } = await meetTwice(seed)
  clock.advance(4999)
  await ends(client, older)
  clock.advance(1)
  expect(await newer.expect('request')).toMatchObject({ pattern: 'cluster.nodes' })
})

test('a connection that ends when it has answered makes nobody ask again', async () => {
  const [seed] = await startServers(1)
  const { clock, client, older, newer } = await meetTwice(seed)
  clock.advance(5000)
  await answer(newer, { nodes: [] })
  await newer.expectNothing()
  await ends(client, newer)
  clock.advance(6000)
  await older.expectNothing()
})

test('rooms are followed through the same servers', async () => {
  const [alive] = await startServers(1)
  const client = clientOf([await deadServer(), at(alive)], { token: 'token' })
  const followed = failureOf(client.follow('lobby'))
  const served = await alive.admit()
  served.send(refused((await served.expect('join')).correlation, ErrorCode.Forbidden))
  expect(await followed).toMatchObject({ code: 'FORBIDDEN' })
})
