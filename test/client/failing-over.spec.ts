/** A client that knows several servers, some of which are dead. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { connect, type ChatClient, type ChatClientOptions } from '../../src/client/index.js'
import { ManualClock } from '../support/manual-clock.js'
import { countedDice, failure, logIn, settled } from './chat-harness.js'
import { at, deadServer, refused, ScriptedServer, startServers, type ServedConnection } from './scripted-server.js'

/** Dice that leave servers in the order in which they are given, and make each wait as short as can be. */
const inOrder = (): number => 0

function connectTo(servers: readonly string[], options: ChatClientOptions = {}) {
  const clock = new ManualClock()
  return { clock, connecting: connect({ servers, token: 'token', clock, random: inOrder, ...options }) }
}

async function admitted(connecting: Promise<ChatClient>, server: ScriptedServer) {
  const served = await server.admit()
  const client = await connecting
  onTestFinished(() => client.close())
  return { client, served }
}

async function lost(client: ChatClient, served: ServedConnection): Promise<void> {
  served.socket.destroy()
  await expect.poll(() => client.status).toBe('reconnecting')
}

describe('the first connection', () => {
  test('is made to another server where one is dead', async () => {
    const [alive] = await startServers(1)
    const { connecting } = connectTo([await deadServer(), at(alive)])
    await admitted(connecting, alive)
  })

  test('fails with the last error when all are dead', async () => {
    const { connecting } = connectTo([await deadServer(), await deadServer()])
    expect(await failure(connecting)).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('is made to another server where one is full', async () => {
    const [full, other] = await startServers(2)
    const { connecting } = connectTo([at(full), at(other)])
    const served = await full.accept()
    served.closeWith(CloseCode.ServerFull, { retryAfterMs: 5000 })
    await admitted(connecting, other)
  })

  test('is made to another server where one says nothing', async () => {
    const [silent, other] = await startServers(2)
    const { connecting, clock } = connectTo([at(silent), at(other)])
    await (await silent.accept()).expect('hello')
    clock.advance(10_000)
    await admitted(connecting, other)
  })

  test('is not asked for elsewhere by a token that is refused', async () => {
    const [first, other] = await startServers(2)
    const { connecting } = connectTo([at(first), at(other)])
    const served = await first.greet()
    served.send(refused((await served.expect('auth')).correlation, ErrorCode.TokenInvalid))
    expect(await failure(connecting)).toMatchObject({ code: 'TOKEN_INVALID' })
    expect(other.connections).toHaveLength(0)
  })

  test('is refused at once for a server that is no address', async () => {
    const [first] = await startServers(1)
    expect(await failure(connect({ servers: [at(first), 'b:0'] }))).toMatchObject({ code: 'BAD_FIELD' })
    expect(first.connections).toHaveLength(0)
  })
})

describe('a connection that is lost', () => {
  test('is made anew to the next server that lives, with one wait', async () => {
    const [first, third] = await startServers(2)
    const { connecting, clock } = connectTo([at(first), await deadServer(), at(third)])
    const { client, served } = await admitted(connecting, first)
    await lost(client, served)
    clock.advance(1)
    await third.admit()
    await expect.poll(() => client.status).toBe('connected')
  })

  test('backs off round by round while all are dead', async () => {
    const [first] = await startServers(1)
    const dice = countedDice()
    const { connecting, clock } = connectTo([at(first), await deadServer(), await deadServer()], dice)
    const { client, served } = await admitted(connecting, first)
    const shuffling = dice.throws()
    await first.stop()
    await lost(client, served)
    for (const [round, waitMs] of [125, 250, 500].entries()) {
      await expect.poll(() => dice.throws() - shuffling).toBe(round + 1)
      clock.advance(waitMs - 1)
      await settled()
      expect(dice.throws() - shuffling).toBe(round + 1)
      clock.advance(1)
    }
    await expect.poll(() => dice.throws() - shuffling).toBe(4)
  })

  test('comes back to the server that gave it a turn, at its turn', async () => {
    const [first, second, third] = await startServers(3)
    const { connecting, clock } = connectTo([at(first), at(second), at(third)])
    const { client, served } = await admitted(connecting, first)
    await lost(client, served)
    clock.advance(1)
    const crowded = await second.greet()
    await crowded.expect('auth')
    crowded.closeWith(CloseCode.TooManyLogins, { retryAfterMs: 7000 })
    await crowded.expectEnd()
    clock.advance(6999)
    await settled()
    expect([second.connections.length, third.connections.length]).toEqual([1, 0])
    clock.advance(1)
    await second.admit()
  })
})

describe('a server that goes away', () => {
  const goAway = (target: string) =>
    ({ kind: 'goAway', code: CloseCode.ShuttingDown, slotMs: 0, deadlineMs: 9000, target }) as const

  test('is left for another', async () => {
    const [first, second] = await startServers(2)
    const { connecting, clock } = connectTo([at(first), at(second)])
    const { client, served } = await admitted(connecting, first)
    served.send(goAway(''))
    served.closeWith(CloseCode.ShuttingDown)
    await expect.poll(() => client.status).toBe('reconnecting')
    clock.advance(1)
    await second.admit()
    expect(first.connections).toHaveLength(1)
  })

  test('is left for the one it names, and for others if that is dead', async () => {
    const [first, second, named] = await startServers(3)
    const { connecting, clock } = connectTo([at(first), at(second)])
    const { client, served } = await admitted(connecting, first)
    served.send(goAway(at(named)))
    served.closeWith(CloseCode.ShuttingDown)
    await expect.poll(() => client.status).toBe('reconnecting')
    clock.advance(1)
    const next = await named.greet()
    expect((await next.expect('auth')).redirects).toBe(1)
    next.socket.destroy()
    expect((await logIn(await second.greet(), {})).redirects).toBe(1)
    await expect.poll(() => client.status).toBe('connected')
  })
})
