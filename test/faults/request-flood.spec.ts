import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import { publish } from '../support/chat-user.js'
import { besideBystanders, nextServerSocket } from './bystanders.js'

const COUNT = 100_000
/** Bounded by requests in flight and by answers alone. */
const ANY_PACE = { NESTWIRE_INBOUND_FRAMES_PER_SECOND: '10000000' }
const FIRST = 1_000
/** Ends as soon as all is answered; a busy machine takes long for it. */
const PATIENCE_MS = 60_000
const TIMEOUT_MS = 3 * PATIENCE_MS

/** `auth.whoami` so often, in one buffer; each with so many bytes of metadata, so that it takes room. */
function flood(paddingBytes: number): Buffer {
  const template: Packet = {
    kind: 'request',
    correlation: FIRST,
    priority: 0,
    deadlineMs: undefined,
    metadata: { pad: 'x'.repeat(paddingBytes) },
    pattern: 'auth.whoami',
    body: encodeBody(undefined),
  }
  const one = encodePacket(template)
  const all = Buffer.alloc(one.length * COUNT)
  for (let index = 0; index < COUNT; index += 1) {
    all.set(one, index * one.length)
    all.writeUInt32BE(FIRST + index, index * one.length + 18)
  }
  return all
}

const repliesTo = (inbox: readonly Packet[]): ReadonlySet<number> =>
  new Set(inbox.map((packet) => (packet.kind === 'reply' ? packet.correlation : -1)))

test('100,000 requests in one write are all answered, and others meanwhile', { timeout: TIMEOUT_MS }, () =>
  besideBystanders(async (scene) => {
    const client = await scene.mallory()
    client.sendBytes(flood(0))
    await client.find(({ kind }) => kind === 'reply')
    await scene.alice.settled()
    await scene.bob.settled()
    expect(client.inbox.length).toBeLessThan(COUNT / 2)
    await expect.poll(() => client.inbox.length, { timeout: PATIENCE_MS, interval: 100 }).toBe(COUNT - 1)
    const answered = repliesTo(client.inbox)
    expect(answered.size).toBe(COUNT - 1)
    expect(answered.has(-1)).toBe(false)
    client.reset()
  }, ANY_PACE),
)

test('whoever does not read the answers is not read either, and misses none', { timeout: TIMEOUT_MS }, () =>
  besideBystanders(async (scene) => {
    const arriving = nextServerSocket(scene)
    const client = await scene.mallory()
    const socket = await arriving
    const bytes = flood(230)
    client.stopReading()
    client.sendBytes(bytes)
    const { maxOutboxBytes } = scene.settings.current.transport
    await expect.poll(() => socket.writableNeedDrain && socket.isPaused(), { timeout: PATIENCE_MS }).toBe(true)
    await scene.chatter()
    expect(socket.isPaused()).toBe(true)
    expect(socket.bytesRead).toBeLessThan(bytes.length)
    expect(socket.writableLength).toBeLessThan(maxOutboxBytes)
    client.startReading()
    // The chatter of the room is among the answers.
    await expect
      .poll(() => client.inbox.filter(({ kind }) => kind === 'reply').length, { timeout: PATIENCE_MS, interval: 200 })
      .toBe(COUNT)
    expect(repliesTo(client.inbox.filter(({ kind }) => kind === 'reply')).size).toBe(COUNT)
    client.reset()
  }, ANY_PACE),
)

test('a flood of messages reaches the room whole and in order', () =>
  besideBystanders(async ({ mallory, alice, bob }) => {
    const client = await mallory()
    const lines = Array.from({ length: 5_000 }, (_, index) => `spam ${index}`)
    client.send(...lines.map((line, index) => publish('lobby', line, FIRST + index)))
    await alice.hears('lobby', lines)
    await bob.hears('lobby', lines)
    client.reset()
  }, ANY_PACE))
