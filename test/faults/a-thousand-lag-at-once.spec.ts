/** A large part of a room stops reading at the same moment, and reads on at the same moment. */
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { Feature } from '../../src/protocol/constants.js'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { from1To, lobby, seqs, startLobby } from '../delivery/router-stack.js'
import { expectChain } from '../support/room-chain.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const LAGGING = 1_000
const LIVE = 5
const MISSED = 100
/** Small frames, so that what was missed takes many of them. */
const env = { NESTWIRE_MAX_FRAME_BYTES: '4096', NESTWIRE_MAX_MESSAGE_BYTES: '1024' }
const MESSAGE = Buffer.alloc(500)

/** A thousand that took two frames and no more, while more was said; five that heard it all. */
async function withLagging() {
  const stack = await startLobby(LIVE, env)
  const { router, say, tick, log } = stack
  const from = await log.head(lobby)
  const slow = Array.from({ length: LAGGING }, () => new RecordingConnection(2))
  for (const connection of slow) router.attach(lobby, connection)
  const counts = countReads(log)
  for (let n = 0; n < MISSED; n += 1) {
    await say(MESSAGE)
    await tick.settle()
  }
  return { ...stack, from, slow, counts }
}

/** How many reads of the log there were, and how many at a time. */
function countReads(log: Awaited<ReturnType<typeof startLobby>>['log']) {
  const counts = { all: 0, underWay: 0, most: 0 }
  const readAfter = log.readAfter.bind(log)
  log.readAfter = async (...wanted) => {
    counts.all += 1
    counts.underWay += 1
    counts.most = Math.max(counts.most, counts.underWay)
    await new Promise(setImmediate)
    counts.underWay -= 1
    return readAfter(...wanted)
  }
  return counts
}

test('nothing is queued for them, and the others hear everything at once', async () => {
  const { router, slow, members, counts } = await withLagging()
  for (const { frames } of slow) expect(frames).toHaveLength(2)
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(MISSED))
  expect(router.laggingConnections).toBe(LAGGING)
  expect([router.heldBytes, counts.all]).toEqual([0, 0])
})

test('they read on together: each gets all of it in order, from reads and buffers that they share', async () => {
  const { router, slow, tick, from, counts } = await withLagging()
  let rounds = 0
  for (; router.laggingConnections > 0 && rounds < MISSED; rounds += 1) {
    for (const connection of slow) {
      connection.read()
      router.connectionWritable(connection)
    }
    await tick.settle()
  }
  for (const connection of slow) expect(expectChain(connection, from)).toBe(MISSED)
  expect(router.laggingConnections).toBe(0)
  const buffers = new Set(slow.flatMap(({ frames }) => frames))
  expect(buffers.size).toBe(slow[0]?.frames.length)
  expect(counts.most).toBeLessThanOrEqual(4)
  expect(counts.all).toBeLessThanOrEqual(buffers.size)
})

test('while they read on, a message reaches the others in its own turn', async () => {
  const { router, slow, members, say, tick, from } = await withLagging()
  for (const connection of slow) {
    connection.roomForFrames = Infinity
    router.connectionWritable(connection)
  }
  for (let n = 1; n <= 20; n += 1) {
    await say('to those who listen')
    const turns = 3
    for (let turn = 0; turn < turns; turn += 1) {
      tick.end()
      await new Promise(setImmediate)
    }
    for (const { records } of members) expect(records.at(-1)?.seq).toBe(MISSED + n)
  }
  await tick.settle()
  for (const connection of [...slow, ...members]) expect(expectChain(connection, from)).toBe(MISSED + 20)
  expect([router.heldBytes, router.laggingConnections]).toEqual([0, 0])
})

const SOCKETS = 50
const WINDOW_BYTES = 140_000
const LINE = 'x'.repeat(20_000)
const LINES = 30

async function joinConfirming({ port, tokenOf }: Scene): Promise<ChatUser> {
  const user = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Positions }))
  await user.join('lobby')
  return user
}

test('fifty sockets that confirm nothing hold no more than their window, and get all of it when they do', () =>
  besideBystanders(
    async (scene) => {
      const { alice, bob, app } = scene
      const router = app.get(BackpressureRouter, { strict: false })
      const crowd = await Promise.all(Array.from({ length: SOCKETS }, () => joinConfirming(scene)))
      const lines = Array.from({ length: LINES }, (_, n) => `${n} ${LINE}`)
      for (const line of lines) await alice.says('lobby', line)
      for (const person of [alice, bob]) await person.hears('lobby', lines)
      expect(router.laggingConnections).toBe(SOCKETS)
      expect(router.heldBytes).toBe(0)
      for (const { socket } of crowd) expect(socket.bytesRead).toBeLessThanOrEqual(WINDOW_BYTES)
      const confirming = setInterval(() => crowd.forEach((user) => user.confirm()), 5)
      try {
        await Promise.all(crowd.map((user) => user.hears('lobby', lines)))
      } finally {
        clearInterval(confirming)
      }
      expect(router.laggingConnections).toBe(0)
      for (const user of crowd) user.reset()
    },
    { NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES) },
  ))
