/** A member that told to confirm what it reads and does not: bounded from the first byte on, whatever the kernel would hold. */
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { Feature } from '../../src/protocol/constants.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, nextServerSocket, type Scene } from './bystanders.js'

const MESSAGE = 'x'.repeat(20_000)
const MESSAGES = 30
const WINDOW_BYTES = 140_000

const env = { NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES), NESTWIRE_WRITE_STALL_TIMEOUT_MS: '4000' }

async function confirming({ port, tokenOf }: Scene): Promise<ChatUser> {
  const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Positions }))
  await client.join('lobby')
  return client
}

/** All of it, to everybody but the one who does not confirm. */
async function talk({ alice, bob }: Scene): Promise<string[]> {
  const lines = Array.from({ length: MESSAGES }, (_, index) => `${index} ${MESSAGE}`)
  for (const line of lines) await alice.says('lobby', line)
  for (const person of [alice, bob]) await person.hears('lobby', lines)
  return lines
}

test('gets no more than the window, and everything once and in order when it confirms', () =>
  besideBystanders(async (scene) => {
    const router = scene.app.get(BackpressureRouter, { strict: false })
    const arriving = nextServerSocket(scene)
    const client = await confirming(scene)
    const socket = await arriving
    const lines = await talk(scene)
    expect(client.socket.bytesRead).toBeLessThanOrEqual(WINDOW_BYTES)
    expect([router.heldBytes, router.laggingConnections, socket.writableLength]).toEqual([0, 1, 0])
    const stop = setInterval(() => client.confirm(), 5)
    await client.hears('lobby', lines).finally(() => clearInterval(stop))
    await client.expectNothing()
    expect(router.laggingConnections).toBe(0)
    client.reset()
  }, env))

test('is SlowConsumer when it confirms next to nothing while more waits', () =>
  besideBystanders(async (scene) => {
    const { clock, chatter, sessionCount } = scene
    const client = await confirming(scene)
    await talk(scene)
    clock.advance(3_500)
    await chatter()
    expect(sessionCount()).toBe(3)
    clock.advance(2_000)
    expect(sessionCount()).toBe(2)
    await client.expectClosedAtLast('SlowConsumer')
    client.end()
  }, env))

test('stays and gets everything when it confirms no more than it is asked to, by PING', () =>
  besideBystanders(async (scene) => {
    const { clock, bob, app, sessionCount } = scene
    const router = app.get(BackpressureRouter, { strict: false })
    const client = await confirming(scene)
    const lines = await talk(scene)
    for (let seconds = 0; seconds < 60 && router.laggingConnections > 0; seconds += 1) {
      clock.advance(1_000)
      await bob.settled()
      const asked = client.inbox.findIndex(({ kind }) => kind === 'ping')
      if (asked < 0) continue
      client.inbox.splice(asked, 1)
      client.send({ kind: 'pong', correlation: 1 })
      client.confirm()
      await client.settled()
    }
    expect([router.laggingConnections, sessionCount()]).toEqual([0, 3])
    await client.hears('lobby', lines)
    client.reset()
  }, env))

test('stays when nothing waits for it, however long it confirms nothing', () =>
  besideBystanders(async (scene) => {
    const client = await confirming(scene)
    await scene.chatter()
    scene.clock.advance(20_000)
    expect(scene.sessionCount()).toBe(3)
    client.reset()
  }, env))

test('that confirms more than it was sent is BadField', () =>
  besideBystanders(async (scene) => {
    const client = await confirming(scene)
    client.send({ kind: 'position', receivedBytes: client.socket.bytesRead + 1, positions: [] })
    await client.expectClosedAtLast('BadField')
    client.end()
  }, env))
