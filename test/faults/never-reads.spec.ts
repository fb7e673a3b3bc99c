import { expect, test } from 'vitest'
import { besideBystanders, nextServerSocket } from './bystanders.js'

const MESSAGE = 'x'.repeat(30_000)
/** The kernel holds some megabytes of a frozen reader before anything waits in the server. */
const MOST_ROUNDS = 2_000

test('a member that reads late, but reads, stays and misses nothing', () =>
  besideBystanders(async ({ mallory, alice, bob, sessionCount }) => {
    const client = await mallory()
    client.stopReading()
    const lines = Array.from({ length: 50 }, (_, index) => `${index} ${MESSAGE}`)
    for (const line of lines) await alice.says('lobby', line)
    client.startReading()
    for (const person of [client, alice, bob]) await person.hears('lobby', lines)
    expect(sessionCount()).toBe(3)
    client.reset()
  }))

test('a member that never reads is SlowConsumer after writeStallTimeoutMs, and the room hears all meanwhile', () =>
  besideBystanders(
    async (scene) => {
      const { mallory, alice, bob, clock, chatter, sessionCount } = scene
      const arriving = nextServerSocket(scene)
      const client = await mallory()
      const socket = await arriving
      client.stopReading()
      let rounds = 0
      for (; !socket.writableNeedDrain && rounds < MOST_ROUNDS; rounds += 1) await alice.says('lobby', MESSAGE)
      await alice.records('lobby', rounds)
      await bob.records('lobby', rounds)
      clock.advance(3_750)
      await chatter()
      expect(sessionCount()).toBe(3)
      // A blocked socket is looked at every quarter of the limit.
      clock.advance(1_500)
      // The kernel is asked whether it has got rid of anything, which may take a second or two while it has many sockets.
      const later = (): number => {
        clock.advance(1_000)
        return sessionCount()
      }
      await expect.poll(later, { timeout: 10_000 }).toBe(2)
      client.startReading()
      await client.expectClosedAtLast('SlowConsumer')
      client.end()
    },
    { NESTWIRE_WRITE_STALL_TIMEOUT_MS: '4000' },
  ))
