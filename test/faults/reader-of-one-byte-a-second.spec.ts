/** A member that reads, but next to nothing: bounded like one that does not, and let go when it is no reader at all. */
import { expect, test } from 'vitest'
import { unacknowledgedBytes } from '../../src/transport/kernel-queue.js'
import { Feature } from '../../src/protocol/constants.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, nextServerSocket, type Scene } from './bystanders.js'

const WINDOW_BYTES = 140_000
/** A short stall, since tokens last a minute here; and nobody is pinged, since nobody answers. */
const STALL_SECONDS = 6
const LOOK_SECONDS = 2
const env = {
  NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES),
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: String(STALL_SECONDS * 1_000),
  NESTWIRE_PING_INTERVAL_MS: '3600000',
  NESTWIRE_IDLE_TIMEOUT_MS: '7200000',
}
const MESSAGE = 'x'.repeat(20_000)
const MESSAGES = 30
const CHATTER_SECONDS = 4

/** Takes as many bytes from its socket as it is told to, and confirms exactly those. */
class Nibbler {
  private taken: number

  /** Stands still from here on; what came so far was read. */
  constructor(
    private readonly client: ChatUser,
    private readonly bystander: ChatUser,
  ) {
    client.stopReading()
    client.socket.setNoDelay(true)
    this.taken = client.socket.bytesRead - client.socket.readableLength
  }

  async take(bytes: number): Promise<void> {
    const { socket } = this.client
    const before = this.taken
    while (this.taken < before + bytes) {
      const chunk = socket.read(
        Math.min(before + bytes - this.taken, Math.max(1, socket.readableLength)),
      ) as Buffer | null
      this.taken += chunk?.length ?? 0
      if (chunk === null) await new Promise(setImmediate)
    }
  }

  async confirm(): Promise<void> {
    this.client.send({ kind: 'position', receivedBytes: this.taken, positions: [] })
    // Whose PING is answered after it; an answer to the client itself would wait behind what it does not read.
    await this.bystander.settled()
  }
}

async function arrive({ port, tokenOf }: Scene): Promise<{ client: ChatUser; seq: number }> {
  const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Positions }))
  const { seq } = await client.join('lobby')
  return { client, seq }
}

/** More than the window, heard by everybody who reads. */
async function talk({ alice, bob }: Scene): Promise<readonly string[]> {
  const lines = Array.from({ length: MESSAGES }, (_, n) => `${n} ${MESSAGE}`)
  for (const line of lines) await alice.says('lobby', line)
  for (const person of [alice, bob]) await person.hears('lobby', lines)
  return lines
}

/** So many seconds with so many bytes read and confirmed in each, the others talking. */
async function pass(
  { clock, chatter }: Scene,
  nibbler: Nibbler,
  { seconds, bytes }: Record<'seconds' | 'bytes', number>,
) {
  for (let second = 0; second < seconds; second += 1) {
    await nibbler.take(bytes)
    await nibbler.confirm()
    if (second % CHATTER_SECONDS === 0) await chatter()
    clock.advance(1_000)
  }
}

test('one byte a second is no reader: SlowConsumer, and all of it is there for when it comes back', () =>
  besideBystanders(async (scene) => {
    const { client, seq } = await arrive(scene)
    const nibbler = new Nibbler(client, scene.alice)
    const lines = await talk(scene)
    await pass(scene, nibbler, { seconds: STALL_SECONDS - 1, bytes: 1 })
    expect(client.socket.bytesRead).toBeLessThanOrEqual(WINDOW_BYTES)
    expect(scene.sessionCount()).toBe(3)
    scene.clock.advance((LOOK_SECONDS + 1) * 1_000)
    expect(scene.sessionCount()).toBe(2)
    client.startReading()
    await client.expectClosedAtLast('SlowConsumer')
    client.end()
    const again = await scene.mallory()
    for (let after = seq, missed = 0; missed < lines.length; missed += 1) {
      const page = (await again.request('chat.history', { room: 'lobby', after, limit: 1 })) as {
        records: { seq: number; prev: number; body: Buffer }[]
      }
      const [record] = page.records
      expect([record?.prev, record?.body.toString()]).toEqual([after, lines[missed]])
      after = record?.seq ?? -1
    }
    again.reset()
  }, env))

test.each([
  [4_095, 2],
  [4_096, 3],
])('%i bytes confirmed in the time that must see 4,096 leave %i sessions', (bytes, sessions) =>
  besideBystanders(async (scene) => {
    const { client } = await arrive(scene)
    const nibbler = new Nibbler(client, scene.alice)
    await talk(scene)
    await nibbler.confirm()
    // The first look starts the time.
    scene.clock.advance(LOOK_SECONDS * 1_000)
    await nibbler.take(bytes)
    await nibbler.confirm()
    scene.clock.advance(STALL_SECONDS * 1_000)
    expect(scene.sessionCount()).toBe(sessions)
    client.reset()
  }, env),
)

test('a slow reader that lives stays for as long as it takes, and gets no more than it has room for', () =>
  besideBystanders(async (scene) => {
    const { client } = await arrive(scene)
    const nibbler = new Nibbler(client, scene.alice)
    const lines = await talk(scene)
    await pass(scene, nibbler, { seconds: 4 * STALL_SECONDS, bytes: 900 })
    expect(scene.sessionCount()).toBe(3)
    expect(client.socket.bytesRead).toBeLessThanOrEqual(WINDOW_BYTES + 4 * STALL_SECONDS * 900)
    client.startReading()
    const confirming = setInterval(() => client.confirm(), 5)
    const records = await client
      .records('lobby', lines.length + (2 * (4 * STALL_SECONDS)) / CHATTER_SECONDS)
      .finally(() => clearInterval(confirming))
    expect(records.slice(0, lines.length).map(({ body }) => body.toString())).toEqual(lines)
    client.reset()
  }, env))

test('one byte a second of a client that cannot confirm: what waits is bounded, and it is let go too', () =>
  besideBystanders(async (scene) => {
    const { alice, bob, clock, mallory, sessionCount } = scene
    const arriving = nextServerSocket(scene)
    const client = await mallory()
    const socket = await arriving
    client.stopReading()
    let rounds = 0
    for (; !socket.writableNeedDrain; rounds += 1) await alice.says('lobby', MESSAGE)
    for (const person of [alice, bob]) await person.records('lobby', rounds)
    for (let second = 0; second < STALL_SECONDS + LOOK_SECONDS && sessionCount() === 3; second += 1) {
      client.socket.read(1)
      await unacknowledgedBytes(socket)
      expect(socket.writableLength).toBeLessThanOrEqual(WINDOW_BYTES)
      clock.advance(1_000)
    }
    await expect.poll(sessionCount, { timeout: 10_000 }).toBe(2)
    client.startReading()
    await client.expectClosedAtLast('SlowConsumer')
    client.end()
  }, env))
