/** What no log holds finds no room at a member that has heard everything: it goes without, and nobody calls it slow. */
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { Feature } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ChatUser } from '../support/chat-user.js'
import { roomOf } from '../support/example-packets.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const WINDOW_BYTES = 140_000
const LARGE = 30_000
/** More than a message takes beside its body, less than an event with something in it. */
const MARGIN_BYTES = 150
const env = { NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES), NESTWIRE_WRITE_STALL_TIMEOUT_MS: '4000' }

const typing = (bodyBytes: number): Buffer =>
  encodePacket({ kind: 'event', priority: 0, metadata: undefined, pattern: 'typing', body: Buffer.alloc(bodyBytes) })
/** A frame of just this length. */
const typingOf = (frameBytes: number): Buffer => typing(frameBytes - typing(0).length)

/** A member that has read all that was said, has confirmed nothing of it, and has a few bytes left in its window. */
async function withLittleRoom({ port, tokenOf, alice, bob }: Scene): Promise<{ client: ChatUser; room: number }> {
  const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Positions }))
  await client.join('lobby')
  const say = async (bytes: number): Promise<void> => {
    await alice.says('lobby', 'x'.repeat(bytes))
    for (const person of [client, alice, bob]) await person.records('lobby', 1)
  }
  while (WINDOW_BYTES - client.socket.bytesRead > LARGE + MARGIN_BYTES) await say(LARGE)
  await say(WINDOW_BYTES - client.socket.bytesRead - MARGIN_BYTES)
  return { client, room: WINDOW_BYTES - client.socket.bytesRead }
}

test.each([
  ['fits', 0, 0],
  ['is one byte too long', 1, 1],
])('an event that %s', (_what, excess, dropped) =>
  besideBystanders(async (scene) => {
    const { app, alice, bob, clock, sessionCount } = scene
    const router = app.get(BackpressureRouter, { strict: false })
    const { client, room } = await withLittleRoom(scene)
    router.sendEphemeral(roomOf('lobby'), typingOf(room + excess))
    for (const person of [alice, bob]) await person.find(({ kind }) => kind === 'event')
    expect([router.counters.ephemeralsDropped, router.laggingConnections]).toEqual([dropped, 0])
    // Nothing waits for it, however long it confirms nothing.
    clock.advance(20_000)
    expect(sessionCount()).toBe(3)
    await client.settled()
    expect(client.inbox.filter(({ kind }) => kind === 'event')).toHaveLength(1 - dropped)

    client.confirm()
    await client.settled()
    await alice.says('lobby', 'after')
    for (const person of [client, alice, bob]) await person.hears('lobby', ['after'])
    router.sendEphemeral(roomOf('lobby'), typingOf(room))
    for (const person of [client, alice, bob]) await person.find(({ kind }) => kind === 'event')
    expect(router.counters.ephemeralsDropped).toBe(dropped)
    client.reset()
  }, env),
)

test('an event for a member that is behind', () =>
  besideBystanders(async (scene) => {
    const { app, alice, bob } = scene
    const router = app.get(BackpressureRouter, { strict: false })
    const { client } = await withLittleRoom(scene)
    await alice.says('lobby', 'x'.repeat(LARGE))
    for (const person of [alice, bob]) await person.records('lobby', 1)
    expect(router.laggingConnections).toBe(1)
    router.sendEphemeral(roomOf('lobby'), typing(0))
    for (const person of [alice, bob]) await person.find(({ kind }) => kind === 'event')
    expect(router.counters.ephemeralsDropped).toBe(1)
    client.confirm()
    await client.records('lobby', 1)
    expect(client.inbox.filter(({ kind }) => kind === 'event')).toEqual([])
    client.reset()
  }, env))
