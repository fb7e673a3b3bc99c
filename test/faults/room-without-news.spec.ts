/** The window is smaller than what a socket takes before it counts as full: when its bytes have left, no event says so. */
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { Feature } from '../../src/protocol/constants.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, nextServerSocket, type Scene } from './bystanders.js'

const MESSAGE = 'x'.repeat(7_000)
const LOOK_MS = 2_000
const env = {
  NESTWIRE_MAX_FRAME_BYTES: '8192',
  NESTWIRE_MAX_MESSAGE_BYTES: '7168',
  NESTWIRE_CONFIRM_WINDOW_BYTES: '16384',
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: String(4 * LOOK_MS),
}

const plain = ({ mallory }: Scene): Promise<ChatUser> => mallory()
/** Told to confirm; it does so when it has read all there is, and never again. */
async function late({ port, tokenOf }: Scene): Promise<ChatUser> {
  const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Positions }))
  await client.join('lobby')
  return client
}

test('a member that does not confirm goes on, however quiet the room', () =>
  besideBystanders(async (scene) => {
    const { alice, bob, app, clock } = scene
    const router = app.get(BackpressureRouter, { strict: false })
    const arriving = nextServerSocket(scene)
    const client = await plain(scene)
    const socket = await arriving
    client.stopReading()
    let said = 0
    for (; router.laggingConnections === 0; said += 1) await alice.says('lobby', MESSAGE)
    expect(socket.writableLength).toBeGreaterThan(0)
    expect(socket.writableNeedDrain).toBe(false)
    for (const person of [alice, bob]) await person.records('lobby', said)
    client.startReading()
    await expect.poll(() => socket.writableLength).toBe(0)
    expect(router.laggingConnections).toBe(1)
    clock.advance(LOOK_MS + 250)
    await client.records('lobby', said)
    expect(router.laggingConnections).toBe(0)
    client.reset()
  }, env))

test('a member that confirms goes on as soon as it does', () =>
  besideBystanders(async (scene) => {
    const { alice, bob, app } = scene
    const router = app.get(BackpressureRouter, { strict: false })
    const client = await late(scene)
    for (let said = 0; said < 3; said += 1) await alice.says('lobby', MESSAGE)
    for (const person of [alice, bob]) await person.records('lobby', 3)
    await client.records('lobby', 2)
    expect(router.laggingConnections).toBe(1)
    client.confirm()
    await client.records('lobby', 1)
    expect(router.laggingConnections).toBe(0)
    client.reset()
  }, env))
