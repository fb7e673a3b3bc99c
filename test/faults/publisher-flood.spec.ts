/** A member that publishes far more than the room can be told: read at the room's pace, answered each time. */
import { expect, test } from 'vitest'
import type { Environment } from '../../src/config/load-settings.js'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Packet } from '../../src/protocol/packets.js'
import { publish, type ChatUser } from '../support/chat-user.js'
import { besideBystanders, nextServerSocket, type Scene } from './bystanders.js'

const COUNT = 1_500
const FIRST = 1_000
const PADDING = 'x'.repeat(30_000)
/** So that nobody who hears the flood late misses some of it. */
const KEEP_ALL = { NESTWIRE_HISTORY_MAX_BYTES: String(256 * 1024 * 1024) }

type Answer = Extract<Packet, { kind: 'ack' | 'error' }>
const answersOf = ({ inbox }: ChatUser): readonly Answer[] =>
  inbox.flatMap((packet) => (packet.kind === 'ack' || packet.kind === 'error' ? [packet] : []))

/** Watches, between all events, what the server holds and whether it reads. */
function watch(router: BackpressureRouter, socket: { isPaused(): boolean }) {
  const seen = { mostHeldBytes: 0, wasPaused: false, isOver: false }
  const look = (): void => {
    seen.mostHeldBytes = Math.max(seen.mostHeldBytes, router.heldBytes)
    seen.wasPaused ||= socket.isPaused()
    if (!seen.isOver) setImmediate(look)
  }
  look()
  return seen
}

/** All in one write; resolves when each message was answered, exactly once. */
async function flood(scene: Scene): Promise<{ answers: readonly Answer[]; seen: ReturnType<typeof watch> }> {
  const { mallory, app, alice, bob } = scene
  const arriving = nextServerSocket(scene)
  const client = await mallory()
  const seen = watch(app.get(BackpressureRouter, { strict: false }), await arriving)
  client.sendBytes(
    Buffer.concat(
      Array.from({ length: COUNT }, (_, n) => encodePacket(publish('lobby', `${n} ${PADDING}`, FIRST + n))),
    ),
  )
  // In the middle of it the others are served.
  await client.find(({ kind }) => kind === 'deliver')
  for (const person of [alice, bob]) await person.settled()
  expect(answersOf(client).length).toBeLessThan(COUNT)
  await expect.poll(() => answersOf(client).length, { timeout: 15_000, interval: 50 }).toBe(COUNT)
  const answers = answersOf(client)
  expect(new Set(answers.map(({ correlation }) => correlation)).size).toBe(COUNT)
  seen.isOver = true
  client.reset()
  return { answers, seen }
}

/** Alice and Bob heard what was acknowledged, once each, in the order of the log, and nothing else. */
async function expectHeard({ alice, bob }: Scene, answers: readonly Answer[]): Promise<void> {
  const acks = answers.flatMap((answer) => (answer.kind === 'ack' ? [answer] : []))
  const expected = acks
    .toSorted((a, b) => a.seq - b.seq)
    .map(({ seq, correlation }) => ({ seq: Number(seq), line: `${correlation - FIRST}` }))
  for (const person of [alice, bob]) {
    const heard = await person.records('lobby', expected.length)
    const lines = heard.map(({ seq, body }) => ({ seq: Number(seq), line: body.toString().split(' ')[0] }))
    expect(lines).toEqual(expected)
  }
}

const besideFlood = (misfortune: (scene: Scene) => Promise<void>, env: Environment = {}): Promise<void> =>
  besideBystanders(misfortune, { ...KEEP_ALL, ...env })

test('with room in the lanes nothing is refused: its socket is paused instead', () =>
  besideFlood(
    async (scene) => {
      const { answers, seen } = await flood(scene)
      expect(answers.filter(({ kind }) => kind === 'error')).toEqual([])
      expect(seen.wasPaused).toBe(true)
      expect(seen.mostHeldBytes).toBeGreaterThan(0)
      expect(seen.mostHeldBytes).toBeLessThanOrEqual(scene.settings.current.delivery.maxTotalBytes)
      await expectHeard(scene, answers)
    },
    // On disk, where a commit takes its time: in memory each answer is there before the next message is read.
    { NESTWIRE_MAX_IN_FLIGHT_REQUESTS: '64', NESTWIRE_LOG_ENGINE: 'lmdb' },
  ))

test('with little room what does not fit is told to come back, and what does is heard', () =>
  besideFlood(
    async (scene) => {
      const { answers, seen } = await flood(scene)
      const { laneMaxBytes } = scene.settings.current.delivery
      expect(seen.mostHeldBytes).toBeGreaterThan(0)
      expect(seen.mostHeldBytes).toBeLessThanOrEqual(2 * laneMaxBytes)
      const refusals = answers.flatMap((answer) => (answer.kind === 'error' ? [answer] : []))
      expect(refusals.length).toBeGreaterThan(0)
      for (const refusal of refusals) expect(refusal).toMatchObject({ code: ErrorCode.Backpressure, retryAfterMs: 250 })
      await expectHeard(scene, answers)
    },
    { NESTWIRE_LANE_MAX_BYTES: '524288' },
  ))

test('above its rate it is told when to come back, and may then', () =>
  besideFlood(
    async (scene) => {
      const { mallory, alice, bob, clock } = scene
      const client = await mallory()
      const lines = Array.from({ length: 250 }, (_, n) => `${n}`)
      client.send(...lines.map((line, n) => publish('lobby', line, FIRST + n)))
      await expect.poll(() => answersOf(client).length).toBe(lines.length)
      const refused = answersOf(client).filter(({ kind }) => kind === 'error')
      expect(refused).toHaveLength(150)
      for (const refusal of refused) expect(refusal).toMatchObject({ code: ErrorCode.RateLimited, retryAfterMs: 10 })
      clock.advance(9)
      expect(await client.refusalOf((correlation) => publish('lobby', 'early', correlation))).toBe('RATE_LIMITED')
      clock.advance(1)
      await client.says('lobby', 'in time')
      for (const person of [alice, bob]) await person.hears('lobby', [...lines.slice(0, 100), 'in time'])
      client.reset()
    },
    { NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '100' },
  ))
