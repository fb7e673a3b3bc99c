/** The log forgets what a client missed, before it comes back or while it catches up: a GAP says which, nothing is silent. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { GapReason, ResumeOutcome } from '../../src/protocol/packets.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'
import { expectChain } from '../support/room-chain.js'
import { besideBystanders, type Scene } from './bystanders.js'

const KEPT = 10
const MISSED = 40
const env = {
  NESTWIRE_HISTORY_MAX_RECORDS: String(KEPT),
  NESTWIRE_CONFIRM_WINDOW_BYTES: '140000',
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: '3600000',
  NESTWIRE_PING_INTERVAL_MS: '3600000',
  NESTWIRE_IDLE_TIMEOUT_MS: '7200000',
}
const MESSAGE = 'x'.repeat(20_000)

/** The engine that trims in the background gets the time for it. */
async function trimmed({ alice, clock }: Scene, first: number): Promise<void> {
  const oldest = async (): Promise<unknown> => {
    clock.advance(1_000)
    const page = await alice.request('chat.history', { room: 'lobby', after: 0, limit: 1 })
    return (page as { records: readonly { seq: number }[] }).records[0]?.seq
  }
  await expect.poll(oldest).toBeGreaterThanOrEqual(first)
}

async function sayAndHear({ alice, bob }: Scene, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, index) => `${index} ${MESSAGE}`)
  for (const line of lines) await alice.says('lobby', line)
  for (const person of [alice, bob]) await person.hears('lobby', lines)
}

const resumable = hello({ features: Feature.Resume | Feature.Positions })

test.each(['memory', 'lmdb'])('forgotten before the resume: %s', (engine) =>
  besideBystanders(
    async (scene) => {
      const { port, tokenOf, server } = scene
      const mallory = await ChatUser.login(port, await tokenOf('mallory', { ttlSeconds: 3_600 }), resumable)
      const from = await mallory.join('lobby')
      mallory.reset()
      await expect.poll(() => server.connectionCount).toBe(2)
      const end = from.seq + MISSED
      await sayAndHear(scene, MISSED)
      await trimmed(scene, end - KEPT + 1)
      const back = await ChatUser.comeBack(port, mallory, { features: Feature.Resume })
      expect(back.granted).toMatchObject({ rooms: [{ from: from.seq, to: end, outcome: ResumeOutcome.Gap }] })
      await expect.poll(() => expectChain({ packets: back.inbox }, from)).toBe(end)
      expect(back.inbox.filter(({ kind }) => kind === 'gap')).toMatchObject([
        { from: from.seq, to: end - KEPT, reason: GapReason.Trimmed },
      ])
      await scene.chatter()
      await expect.poll(() => expectChain({ packets: back.inbox }, from)).toBe(end + 2)
      back.reset()
    },
    { ...env, NESTWIRE_LOG_ENGINE: engine },
  ),
)

test.each(['memory', 'lmdb'])('forgotten while the client catches up: %s', (engine) =>
  besideBystanders(
    async (scene) => {
      const { port, tokenOf, server } = scene
      const mallory = await ChatUser.login(port, await tokenOf('mallory', { ttlSeconds: 3_600 }), resumable)
      const from = await mallory.join('lobby')
      mallory.reset()
      await expect.poll(() => server.connectionCount).toBe(2)
      await sayAndHear(scene, KEPT)
      const back = await ChatUser.comeBack(port, mallory, { features: Feature.Resume | Feature.Positions })
      expect(back.granted).toMatchObject({ rooms: [{ from: from.seq, outcome: ResumeOutcome.Whole }] })
      // The window holds it up in the middle, and behind it the log moves on.
      await expect.poll(() => expectChain({ packets: back.inbox }, from)).toBeGreaterThan(from.seq)
      await sayAndHear(scene, MISSED)
      const end = from.seq + KEPT + MISSED
      await trimmed(scene, end - KEPT + 1)
      expect(expectChain({ packets: back.inbox }, from)).toBeLessThan(end - KEPT)
      const confirming = setInterval(() => back.confirm(), 5)
      await expect
        .poll(() => expectChain({ packets: back.inbox }, from))
        .toBe(end)
        .finally(() => clearInterval(confirming))
      expect(back.inbox.filter(({ kind }) => kind === 'gap')).toMatchObject([
        { to: end - KEPT, reason: GapReason.Trimmed },
      ])
      back.reset()
    },
    { ...env, NESTWIRE_LOG_ENGINE: engine },
  ),
)
