/** A member is so far behind that the log has forgotten where it stands: it is told so, and goes on from there. */
import { expect, test } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { Feature } from '../../src/protocol/constants.js'
import { GapReason } from '../../src/protocol/packets.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { expectChain } from '../support/room-chain.js'
import { besideBystanders, type Scene } from './bystanders.js'

const KEPT = 10
const WINDOW_BYTES = 140_000
const MESSAGE = 'x'.repeat(20_000)
const MESSAGES = 30
const env = {
  NESTWIRE_HISTORY_MAX_RECORDS: String(KEPT),
  NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES),
  // The trim takes its time, in which nobody is let go.
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: '3600000',
  NESTWIRE_PING_INTERVAL_MS: '3600000',
  NESTWIRE_IDLE_TIMEOUT_MS: '7200000',
}

/** Until the log holds no more than it should. */
async function trimmed({ alice, clock }: Scene, first: number): Promise<void> {
  const oldestIs = async (): Promise<unknown> => {
    clock.advance(1_000)
    const page = await alice.request('chat.history', { room: 'lobby', after: 0, limit: 1 })
    return (page as { records: readonly { seq: number }[] }).records[0]?.seq
  }
  await expect.poll(oldestIs).toBe(first)
}

test.each(['memory', 'lmdb'])('gets a GAP, then what is left, then what is new: %s', (engine) =>
  besideBystanders(
    async (scene) => {
      const { alice, bob, port, tokenOf, app } = scene
      const router = app.get(BackpressureRouter, { strict: false })
      const client = await ChatUser.login(port, await tokenOf('mallory'), hello({ features: Feature.Positions }))
      const from = await client.join('lobby')
      const end = from.seq + MESSAGES
      const lines = Array.from({ length: MESSAGES }, (_, n) => `${n} ${MESSAGE}`)
      for (const line of lines) await alice.says('lobby', line)
      for (const person of [alice, bob]) await person.hears('lobby', lines)
      await trimmed(scene, end - KEPT + 1)
      const got = expectChain({ packets: client.inbox }, from)
      expect(got).toBeLessThan(end - KEPT)
      expect(client.socket.bytesRead).toBeLessThanOrEqual(WINDOW_BYTES)
      expect(router.laggingConnections).toBe(1)

      const confirming = setInterval(() => client.confirm(), 5)
      await expect
        .poll(() => expectChain({ packets: client.inbox }, from))
        .toBe(end)
        .finally(() => clearInterval(confirming))
      const gaps = client.inbox.filter(({ kind }) => kind === 'gap')
      expect(gaps).toMatchObject([{ from: got, to: end - KEPT, reason: GapReason.Trimmed }])
      expect([router.laggingConnections, router.heldBytes]).toEqual([0, 0])
      client.confirm()
      await scene.chatter()
      await expect.poll(() => expectChain({ packets: client.inbox }, from)).toBe(end + 2)
      client.reset()
    },
    { ...env, NESTWIRE_LOG_ENGINE: engine },
  ),
)
