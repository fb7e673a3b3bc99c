/** Servers that send a client to another one, and clients that are closed on their way. */
import { describe, expect, test } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.js'
import { Feature } from '../../src/protocol/constants.js'
import { connect } from '../../src/client/index.js'
import { ManualClock } from '../support/manual-clock.js'
import { countedDice, failure, GRANT, last, logIn, lose, settled, showTicket, startResumable } from './chat-harness.js'
import { at, resumed, ScriptedServer, type ServedConnection } from './scripted-server.js'

const ELSEWHERE = 3000
const goAway = (slotMs: number, target: string) =>
  ({ kind: 'goAway', code: CloseCode.ShuttingDown, slotMs, deadlineMs: 9000, target }) as const

/** The first connection is told to go there. */
async function sentAway(served: ServedConnection, target: string): Promise<void> {
  await served.expect('hello')
  served.closeWith(ELSEWHERE, { target })
}

describe('GOAWAY', () => {
  test('names the server that the session goes on with, and when', async () => {
    const chat = await startResumable()
    const other = await ScriptedServer.start()
    chat.served.send(goAway(3000, at(other)))
    chat.served.closeWith(CloseCode.ShuttingDown)
    await expect.poll(() => chat.client.status).toBe('reconnecting')
    chat.clock.advance(2999)
    await settled()
    expect(other.connections).toHaveLength(0)
    chat.clock.advance(1)
    const served = await other.greet({ features: Feature.Resume })
    served.send(resumed((await served.expect('resume')).correlation))
    await expect.poll(() => chat.client.status).toBe('connected')
    expect(chat.server.connections).toHaveLength(1)
  })

  test('leaves joins to the next connection', async () => {
    const chat = await startResumable()
    chat.served.send(goAway(1000, ''))
    await chat.served.expectNothing()
    const joining = failure(chat.client.join('lobby'))
    await chat.served.expectNothing()
    await chat.client.close()
    expect(await joining).toMatchObject({ code: 'CLOSED' })
  })
})

describe('GOAWAY right behind the handshake', () => {
  test('is heeded, too', async () => {
    const chat = await startResumable()
    await lose(chat)
    const [served, { correlation }] = await showTicket(chat)
    served.send(resumed(correlation), goAway(0, ''))
    await expect.poll(() => chat.client.status).toBe('connected')
    const joining = failure(chat.client.join('lobby'))
    await served.expectNothing()
    await chat.client.close()
    expect(await joining).toMatchObject({ code: 'CLOSED' })
  })
})

describe('a server that is named', () => {
  test('is tried first, and the configured one if it does not answer', async () => {
    const dice = countedDice()
    const chat = await startResumable(dice)
    const other = await ScriptedServer.start()
    chat.served.closeWith(ELSEWHERE, { target: at(other) })
    await expect.poll(dice.throws).toBe(1)
    await other.stop()
    chat.clock.advance(125)
    await expect.poll(dice.throws).toBe(2)
    chat.clock.advance(250)
    await chat.server.greet({ features: Feature.Resume })
  })

  test('is stayed with when the connection to it is lost', async () => {
    const chat = await startResumable()
    const other = await ScriptedServer.start()
    chat.served.closeWith(ELSEWHERE, { target: at(other) })
    await expect.poll(() => chat.client.status).toBe('reconnecting')
    const [served, { correlation }] = await showTicket({ ...chat, server: other })
    served.send(resumed(correlation))
    await last({ ...chat, served })
    await lose({ ...chat, served })
    await showTicket({ ...chat, server: other })
    expect(chat.server.connections).toHaveLength(1)
  })

  test('in the handshake is gone to at once, and hears of the redirect', async () => {
    const [first, second] = [await ScriptedServer.start(), await ScriptedServer.start()]
    const connecting = connect({ port: first.port, token: 'token' })
    await sentAway(await first.accept(), at(second))
    const served = await second.greet()
    expect((await logIn(served)).redirects).toBe(1)
    await (await connecting).close()
  })

  test('hears of the redirect from who resumes, too', async () => {
    const chat = await startResumable()
    const other = await ScriptedServer.start()
    await lose(chat)
    const [served, { redirects }] = await showTicket(chat)
    served.closeWith(ELSEWHERE, { target: at(other) })
    const next = await other.greet({ features: Feature.Resume })
    const { ticket, redirects: counted } = await next.expect('resume')
    expect([redirects, counted, ticket]).toEqual([0, 1, GRANT.ticket])
  })

  test('is not followed in a circle', async () => {
    const server = await ScriptedServer.start()
    const connecting = failure(connect({ port: server.port, token: 'token' }))
    for (let times = 0; times < 9; times += 1) await sentAway(await server.accept(), at(server))
    expect(await connecting).toMatchObject({ code: 'BELONGS_ELSEWHERE' })
    expect(server.connections).toHaveLength(9)
  })
})

describe('a client that is given up', () => {
  test('while it connects for the first time is gone at once', async () => {
    const clock = new ManualClock()
    const server = await ScriptedServer.start()
    const stop = new AbortController()
    const connecting = failure(connect({ port: server.port, token: 'token', clock, signal: stop.signal }))
    const served = await server.greet()
    await served.expect('auth')
    stop.abort()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
    await served.expectEnd()
    expect(clock.timers).toBe(0)
  })

  test('while its token function is at work is gone at once', async () => {
    const stop = new AbortController()
    const token = () => new Promise<string>(() => undefined)
    const connecting = failure(connect({ token, signal: stop.signal }))
    stop.abort()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
  })

  test('before it began connects nowhere', async () => {
    const server = await ScriptedServer.start()
    expect(await failure(connect({ port: server.port, signal: AbortSignal.abort() }))).toMatchObject({ code: 'CLOSED' })
    await settled()
    expect(server.connections).toHaveLength(0)
  })

  test('later is closed', async () => {
    const stop = new AbortController()
    const chat = await startResumable({ signal: stop.signal })
    stop.abort()
    await chat.served.expect('close')
    expect(chat.client.status).toBe('closed')
  })
})
