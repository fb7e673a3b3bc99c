/** A node is stopped in its tracks and goes on later, as if no time had passed: a zombie. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Packet } from '../../../src/protocol/packets.js'
import { ChatUser, nextMessageId } from '../../support/chat-user.js'
import { isNatsMissing } from '../../support/nats-server.js'
import type { PacketOf } from '../../support/raw-client.js'
import { clusterOfProcesses, ROOMS, SIX } from './cluster-of-processes.js'

const TIMEOUT_MS = 60_000
const ZOMBIE = 1
const [ROOM] = ROOMS
/** A node that hears nothing from NATS for 6 s gives the connection up. */
const FREEZES_MS = { shorter: 2_000, longer: 8_000 } as const
/** Clients of a frozen node go elsewhere after so much silence. */
const SILENCE_MS = 3_000

const isAnswer = (packet: Packet): packet is PacketOf<'ack' | 'error'> =>
  packet.kind === 'ack' || packet.kind === 'error'

describe.skipIf(isNatsMissing)('a frozen node', () => {
  const processes = clusterOfProcesses()

  for (const [how, freezeMs] of Object.entries(FREEZES_MS)) {
    test(`for ${how} than its NATS connection lives, harms nobody`, { timeout: TIMEOUT_MS }, async () => {
      const cluster = await processes.start()
      const crowd = await cluster.wireCrowd(SIX, SILENCE_MS)
      await crowd.acknowledges(300)
      cluster.node(ZOMBIE).freeze()
      await Promise.all([pause(freezeMs), crowd.acknowledges(300)])
      cluster.node(ZOMBIE).thaw()
      await crowd.acknowledges(300)
      const { gaps } = await crowd.judge(cluster.node(ZOMBIE).port)
      expect(gaps).toBe(0)
    })
  }

  test('does not log again what its client has sent elsewhere meanwhile', { timeout: TIMEOUT_MS }, async () => {
    const cluster = await processes.start()
    const bob = await cluster.user('bob', 0)
    await bob.join(ROOM)
    const alice = await cluster.user('alice', ZOMBIE)
    await alice.join(ROOM)
    await bob.hears(ROOM, ['+alice'])
    const bodies = Array.from({ length: 20 }, (_, index) => `message ${index}`)
    const messages = bodies.map((body) => ({ body: Buffer.from(body), messageId: nextMessageId() }))
    const publishAll = (user: ChatUser, ageMs?: number): number[] =>
      messages.map(({ body, messageId }) => {
        const correlation = user.nextCorrelation()
        user.send({ kind: 'publish', correlation, priority: 0, ageMs, room: ROOM, messageId, body })
        return correlation
      })
    const acks = async (user: ChatUser, correlations: readonly number[]): Promise<Packet[]> => {
      const answers: Packet[] = []
      for (const correlation of correlations) {
        answers.push(await user.find((packet) => isAnswer(packet) && packet.correlation === correlation))
      }
      return answers
    }

    cluster.node(ZOMBIE).freeze()
    publishAll(alice)
    const again = await ChatUser.comeBack(cluster.node(0).port, alice)
    const acknowledged = await acks(again, publishAll(again, 1_000))
    await again.says(ROOM, 'later')
    cluster.node(ZOMBIE).thaw()

    expect(acknowledged.map(({ kind }) => kind)).toEqual(messages.map(() => 'ack'))
    await bob.hears(ROOM, [...bodies, 'later'])
    // Whatever the zombie says to its old connection, it is the end of it, or what was said already.
    await alice.expectClosedAtLast('TakenOver')
    await bob.says(ROOM, 'the end')
    await bob.hears(ROOM, ['the end'])
  })
})
