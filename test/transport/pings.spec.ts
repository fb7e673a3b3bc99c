/** Whom more waits for is asked for a confirmation, and not more often than that serves anything. */
import { expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { startChat } from '../support/chat-harness.js'
import { ChatUser } from '../support/chat-user.js'
import { hello } from '../support/raw-client.js'

const STALL_MS = 8_000
/** Of the wheel. */
const TICK_MS = 250
const WINDOW_BYTES = 140_000
const LINES = Array.from({ length: 10 }, (_, n) => `${n} ${'x'.repeat(20_000)}`)

test('a client that answers without confirming is pinged once in half of the time that it may stall', async () => {
  const chat = await startChat({
    NESTWIRE_CONFIRM_WINDOW_BYTES: String(WINDOW_BYTES),
    NESTWIRE_WRITE_STALL_TIMEOUT_MS: String(STALL_MS),
    NESTWIRE_PING_INTERVAL_MS: '3600000',
    NESTWIRE_IDLE_TIMEOUT_MS: '7200000',
  })
  const alice = await chat.connect('alice')
  const bob = await ChatUser.login(chat.port, await chat.tokenOf('bob'), hello({ features: Feature.Positions }))
  for (const user of [alice, bob]) await user.join('lobby')
  for (const line of LINES) await alice.says('lobby', line)
  // The first look is when it counts as stalled; a quarter of the time is until the next.
  chat.clock.advance(STALL_MS / 4)
  const pings = (): number => bob.inbox.filter(({ kind }) => kind === 'ping').length
  const seen: number[] = []
  for (let passedMs = 0; passedMs < STALL_MS - TICK_MS; passedMs += TICK_MS) {
    chat.clock.advance(TICK_MS)
    await bob.settled()
    seen.push(pings())
  }
  expect([seen.at(seen.length / 2 - 2), seen.at(-1)]).toEqual([0, 1])
  chat.clock.advance(4 * TICK_MS)
  await bob.expectClosedAtLast('SlowConsumer')
})
