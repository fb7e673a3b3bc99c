/** More is published than can be delivered: the door refuses or waits, and what came in goes out as if nothing were. */
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Packet, RoomRecord } from '../../src/protocol/packets.js'
import { roomId } from '../delivery/names.js'
import { RecordingConnection } from '../delivery/recording-connection.js'
import { from1To, lobby, seqs, startLobby } from '../delivery/router-stack.js'
import { expectChain } from '../support/room-chain.js'
import { refusal } from '../rooms/room-stack.js'
import { ChatUser, publish } from '../support/chat-user.js'
import { besideBystanders } from './bystanders.js'

const LANE_MESSAGES = 10
const env = { NESTWIRE_LANE_MAX_MESSAGES: String(LANE_MESSAGES) }
const full = LANE_MESSAGES * 3

/** High, normal and low hold as many messages as they may. */
async function withFullLanes() {
  const stack = await startLobby(3, env)
  const priorities = ['normal', 'high'] as const
  // The congested normal messages are the ones that fill the low lane.
  for (let n = 0; n < LANE_MESSAGES * 2; n += 1) await stack.say(`normal ${n}`, priorities[0])
  for (let n = 0; n < LANE_MESSAGES; n += 1) await stack.say(`high ${n}`, priorities[1])
  return stack
}

test('normal and low are refused, and nothing of them is logged', async () => {
  const { say, log, tick, router, members } = await withFullLanes()
  for (const priority of ['normal', 'low'] as const) {
    await expect(say('too much', priority)).rejects.toEqual(refusal('BACKPRESSURE'))
  }
  expect((await log.head(lobby)).seq).toBe(full)
  await tick.settle()
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(full))
  expect(router.heldBytes).toBe(0)
})

test('another room is refused too, and hears what it was promised before', async () => {
  const { say, router, tick } = await startLobby(3, env)
  const other = new RecordingConnection()
  await router.open(roomId('other'))
  const from = router.attach(roomId('other'), other)
  await say('in time', 'normal', roomId('other'))
  while ((await say('flood').catch(() => undefined)) !== undefined);
  await expect(say('too late', 'normal', roomId('other'))).rejects.toEqual(refusal('BACKPRESSURE'))
  await tick.settle()
  expect(expectChain(other, from)).toBe(1)
  await say('again', 'normal', roomId('other'))
  await tick.settle()
  expect(expectChain(other, from)).toBe(2)
})

test('high and notices wait in the order in which they came, large before small', async () => {
  const { say, router, tick, members } = await startLobby(3, { NESTWIRE_LANE_MAX_BYTES: '65536' })
  // One of these leaves no room for the next, but would leave some for a small one.
  const large = Buffer.alloc(40_000)
  const sent = [
    say(large, 'high'),
    say(large, 'high'),
    say('small', 'high'),
    say('joined', 'notice'),
    say(Buffer.alloc(20_000), 'high'),
    say('last', 'high'),
  ]
  await new Promise(setImmediate)
  expect(router.heldBytes).toBeLessThanOrEqual(65_536)
  await tick.settle()
  expect(seqs(await Promise.all(sent))).toEqual(from1To(6))
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(6))
  expect(router.heldBytes).toBe(0)
})

test('high waits whatever becomes of the room that was in its way', async () => {
  const { say, router, tick, members } = await startLobby(1, env)
  const other = new RecordingConnection()
  await router.open(roomId('other'))
  const from = router.attach(roomId('other'), other)
  for (let n = 0; n < LANE_MESSAGES; n += 1) await say(`high ${n}`, 'high')
  const waiting = [say('one', 'high', roomId('other')), say('two', 'high', roomId('other'))]
  for (const member of members) router.detach(lobby, member)
  await router.deleteRoom(lobby)
  expect(seqs(await Promise.all(waiting))).toEqual([1, 2])
  await tick.settle()
  expect(expectChain(other, from)).toBe(2)
  expect(router.heldBytes).toBe(0)
})

type Answer = Extract<Packet, { kind: 'ack' | 'error' }>
const isAnswer = (packet: Packet): packet is Answer =>
  (packet.kind === 'ack' || packet.kind === 'error') && packet.correlation >= 1_000

test('whoever floods is answered, whoever listens hears all that was acknowledged, and the system gets through', () =>
  besideBystanders(
    async ({ app, port, tokenOf, mallory, alice, bob }) => {
      const router = app.get(BackpressureRouter, { strict: false })
      const flooder = await mallory()
      const bot = await ChatUser.login(port, await tokenOf('bot', { role: 'service' }))
      const COUNT = 1_000
      const URGENT = 50
      flooder.send(...Array.from({ length: COUNT }, (_, n) => publish('lobby', `flood ${n}`, 1_000 + n)))
      bot.send(
        ...Array.from({ length: URGENT }, (_, n): Packet => {
          const packet = publish('lobby', `urgent ${n}`, 1_000 + n)
          return packet.kind === 'publish' ? { ...packet, priority: 1 } : packet
        }),
      )
      const answersOf = (user: ChatUser): readonly Answer[] => user.inbox.filter(isAnswer)
      await expect.poll(() => answersOf(flooder).length, { timeout: 10_000 }).toBe(COUNT)
      await expect.poll(() => answersOf(bot).length).toBe(URGENT)
      expect(new Set(answersOf(flooder).map(({ correlation }) => correlation)).size).toBe(COUNT)
      const refused = answersOf(flooder).flatMap((answer) => (answer.kind === 'error' ? [answer] : []))
      expect(new Set(refused.map(({ code, retryAfterMs }) => [code, retryAfterMs].join()))).toEqual(
        new Set([[ErrorCode.Backpressure, 250].join()]),
      )
      const acknowledged = [...answersOf(flooder), ...answersOf(bot)].flatMap((answer) =>
        answer.kind === 'ack' ? [Number(answer.seq)] : [],
      )
      expect(acknowledged.length).toBe(COUNT + URGENT - refused.length)
      const expected = acknowledged.toSorted((a, b) => a - b)
      for (const person of [alice, bob]) {
        const heard: readonly RoomRecord[] = await person.records('lobby', expected.length)
        expect(seqs(heard)).toEqual(expected)
        expect(heard.map(({ body }) => body.toString()).filter((line) => line.startsWith('urgent'))).toEqual(
          Array.from({ length: URGENT }, (_, n) => `urgent ${n}`),
        )
      }
      await expect.poll(() => router.heldBytes).toBe(0)
      flooder.reset()
      bot.reset()
    },
    { NESTWIRE_LANE_MAX_MESSAGES: '5' },
  ))
