/**
 * A member that cannot confirm what it reads, and reads slowly. The kernel hides it: it holds megabytes, and takes more
 * only when a third of them has gone. It lives as long as it reads, by what leaves the process or by what the kernel says.
 */
import type { Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { unacknowledgedBytes } from '../../src/transport/kernel-queue.js'
import type { ChatUser } from '../support/chat-user.js'
import { besideBystanders, nextServerSocket, type Scene } from './bystanders.js'

/** The kernel is asked often, and while it has many sockets it answers once a second. */
vi.setConfig({ testTimeout: 90_000 })

const STALL_MS = 4_000
const LOOK_MS = STALL_MS / 4
const MESSAGE = 'x'.repeat(30_000)
const env = {
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: String(STALL_MS),
  NESTWIRE_PING_INTERVAL_MS: '3600000',
  NESTWIRE_IDLE_TIMEOUT_MS: '7200000',
  NESTWIRE_HISTORY_MAX_BYTES: String(64 * 1024 * 1024),
}

interface Slow {
  readonly client: ChatUser
  /** The server's end. */
  readonly socket: Socket
  /** What was said to the room, in lines. */
  said: number
}

/** What a third of the kernel's buffer is, and more than that: so much waits in the room's log. */
const MORE_LINES = 200

/** Stops reading; the room talks until the system takes no more for it, and goes on. */
async function stopped(scene: Scene): Promise<Slow> {
  const { mallory, alice } = scene
  const arriving = nextServerSocket(scene)
  const client = await mallory()
  const socket = await arriving
  client.stopReading()
  const slow = { client, socket, said: 0 }
  await fill(scene, slow)
  for (let line = 0; line < MORE_LINES; line += 1) await alice.says('lobby', MESSAGE)
  slow.said += MORE_LINES
  await heardByOthers(scene, MORE_LINES)
  return slow
}

async function fill(scene: Scene, slow: Slow): Promise<void> {
  let said = 0
  for (; !slow.socket.writableNeedDrain; said += 1) await scene.alice.says('lobby', MESSAGE)
  slow.said += said
  await heardByOthers(scene, said)
}

async function heardByOthers({ alice, bob }: Scene, lines: number): Promise<void> {
  for (const person of [alice, bob]) await person.records('lobby', lines)
}

/** Takes at least so many bytes from its socket. */
async function take({ client: { socket } }: Slow, bytes: number): Promise<void> {
  for (let taken = 0; taken < bytes;) {
    const chunk = socket.read(Math.max(1, Math.min(bytes - taken, socket.readableLength))) as Buffer | null
    taken += chunk?.length ?? 0
    if (chunk === null) await new Promise(setImmediate)
  }
}

/** What has left the server's process. */
const leftOf = ({ bytesWritten, writableLength }: Socket): number => bytesWritten - writableLength

/** The time in which it must have read something, with as many looks as there are; the kernel's answers are in. */
async function passStallTime({ clock, chatter }: Scene, { socket }: Slow): Promise<void> {
  for (let passedMs = 0; passedMs < STALL_MS; passedMs += LOOK_MS) {
    clock.advance(LOOK_MS)
    await unacknowledgedBytes(socket)
  }
  await chatter()
}

async function expectLetGo({ clock, sessionCount }: Scene, slow: Slow): Promise<void> {
  // The kernels may still settle what was taken, in a step or two.
  for (let passedMs = 0; passedMs < 6 * STALL_MS && sessionCount() === 3; passedMs += LOOK_MS) {
    clock.advance(LOOK_MS)
    await unacknowledgedBytes(slow.socket)
  }
  expect(sessionCount()).toBe(2)
  // The CLOSE joins what the socket has already, at most a message above its mark; what waited behind that, up to the
  // window (1 MiB), is let go at once.
  expect(slow.socket.writableLength).toBeLessThan(slow.socket.writableHighWaterMark + 2 * MESSAGE.length)
  slow.client.startReading()
  await slow.client.expectClosedAtLast('SlowConsumer')
  slow.client.end()
}

/** Reads all the rest: each record once, in order. */
async function expectRest({ client, said }: Slow, chatter: number): Promise<void> {
  client.startReading()
  await client.records('lobby', said + chatter)
}

test('stays while what leaves the process shows that it reads', () =>
  besideBystanders(async (scene) => {
    const slow = await stopped(scene)
    for (let period = 0; period < 3; period += 1) {
      const left = leftOf(slow.socket)
      while (leftOf(slow.socket) === left) await take(slow, 10_000)
      await fill(scene, slow)
      await passStallTime(scene, slow)
    }
    expect(scene.sessionCount()).toBe(3)
    await expectRest(slow, 6)
    slow.client.reset()
  }, env))

const SIP_BYTES = 250_000

/**
 * Reads until the kernel on our side has heard that there is room: the other side's tells when a sixteenth of its buffer is
 * free, and how large that has grown is the system's affair (2 MB of 32). Most of the time that is too little for the
 * kernel to take more.
 */
async function takeUntilHeard(slow: Slow): Promise<void> {
  const before = await unacknowledgedBytes(slow.socket)
  const left = leftOf(slow.socket)
  do await take(slow, SIP_BYTES)
  while (leftOf(slow.socket) === left && (await unacknowledgedBytes(slow.socket)) === before)
}

test('stays while only the kernel knows that it reads', () =>
  besideBystanders(async (scene) => {
    const slow = await stopped(scene)
    for (let period = 0; period < 6; period += 1) {
      await takeUntilHeard(slow)
      await passStallTime(scene, slow)
    }
    expect(scene.sessionCount()).toBe(3)
    await expectRest(slow, 12)
    slow.client.reset()
  }, env))

test('is let go when it stops', () =>
  besideBystanders(async (scene) => {
    const slow = await stopped(scene)
    await take(slow, 150_000)
    await passStallTime(scene, slow)
    expect(scene.sessionCount()).toBe(3)
    await expectLetGo(scene, slow)
  }, env))
