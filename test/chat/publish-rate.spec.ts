import { expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { roomId } from '../delivery/names.js'
import { refusal } from '../rooms/room-stack.js'
import { startChatServices } from './chat-stack.js'

const lobby = roomId('lobby')
const THREE_A_SECOND = { NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '3' }
const KIB_A_SECOND = { NESTWIRE_PUBLISH_BYTES_PER_SECOND: '1024' }

/** Alice is in the lobby; whatever of hers was delivered, by its length. */
async function withAlice(env: Record<string, string>) {
  const stack = startChatServices(env)
  const alice = stack.connect('alice')
  await stack.join(alice, lobby)
  const say = (bytes: number) => stack.says(alice, lobby, { body: Buffer.alloc(bytes) })
  const said = async () => {
    await stack.tick.settle()
    return alice.connection.records.map(({ body }) => body.length)
  }
  return { ...stack, alice, say, said }
}
const tooFast = (retryAfterMs: number) =>
  expect.objectContaining({ failure: expect.objectContaining({ code: 'RATE_LIMITED', retryAfterMs }) })

test('a second holds as many messages as the limit and not one more', async () => {
  const { say, said } = await withAlice(THREE_A_SECOND)
  for (const bytes of [1, 2, 3]) await say(bytes)
  await expect(say(4)).rejects.toEqual(tooFast(334))
  expect(await said()).toEqual([1, 2, 3])
})

test('a second holds as many bytes as the limit and not one more', async () => {
  const { say, said } = await withAlice(KIB_A_SECOND)
  await say(1_000)
  await expect(say(25)).rejects.toEqual(tooFast(1))
  await say(24)
  await expect(say(1)).rejects.toEqual(tooFast(1))
  expect(await said()).toEqual([1_000, 24])
})

test('whoever comes back when told to is let in, and a millisecond earlier is not', async () => {
  const { say, said, clock } = await withAlice(THREE_A_SECOND)
  for (const bytes of [1, 2, 3]) await say(bytes)
  clock.advance(333)
  await expect(say(4)).rejects.toEqual(tooFast(1))
  clock.advance(1)
  await say(4)
  expect(await said()).toEqual([1, 2, 3, 4])
})

test('a refusal costs neither messages nor bytes', async () => {
  const { say, said } = await withAlice({ ...THREE_A_SECOND, ...KIB_A_SECOND })
  await say(1_000)
  for (let n = 0; n < 100; n += 1) await expect(say(500)).rejects.toEqual(refusal('RATE_LIMITED'))
  await say(12)
  await say(12)
  await expect(say(0)).rejects.toEqual(refusal('RATE_LIMITED'))
  expect(await said()).toEqual([1_000, 12, 12])
})

test('a message larger than a second may hold passes when nothing was sent before it', async () => {
  const { say, said, clock } = await withAlice(KIB_A_SECOND)
  await say(4_096)
  await expect(say(1)).rejects.toEqual(tooFast(3_001))
  clock.advance(4_000)
  await say(4_096)
  expect(await said()).toEqual([4_096, 4_096])
})

test('all devices of a user share one, which neither a refresh nor a new connection fills', async () => {
  const { say, says, join, connect, alice, sessions, clock } = await withAlice(THREE_A_SECOND)
  const second = connect('alice')
  await join(second, lobby)
  for (const bytes of [1, 2]) await say(bytes)
  await says(second, lobby, { body: 'from the other device' })
  const session = sessions.ofConnection(alice.connection)
  if (session !== undefined) sessions.refresh(session, { ...alice.principal })
  const third = connect('alice')
  await join(third, lobby)
  for (const device of [alice, second, third]) {
    await expect(says(device, lobby, { body: 'more' })).rejects.toEqual(tooFast(334))
  }
  clock.advance(334)
  expect(await says(third, lobby, { body: 'later' })).toMatchObject({ seq: 5 })
})

test('what one user spends costs another nothing', async () => {
  const { say, says, join, connect } = await withAlice(THREE_A_SECOND)
  const bob = connect('bob')
  await join(bob, lobby)
  for (const bytes of [1, 2, 3]) await say(bytes)
  for (let n = 0; n < 3; n += 1) await says(bob, lobby, { body: 'hi' })
  await expect(says(bob, lobby, { body: 'hi' })).rejects.toEqual(refusal('RATE_LIMITED'))
})

test('whoever publishes when as many are remembered as may be passes, and is counted', async () => {
  const { says, join, connect, abuse, clock } = await withAlice({ ...THREE_A_SECOND, NESTWIRE_ABUSE_MAX_TRACKED: '16' })
  const crowd = Array.from({ length: 17 }, (_, at) => connect(`user-${at}`))
  for (const one of crowd) await join(one, lobby)
  const speak = (one: (typeof crowd)[number]) => says(one, lobby, { body: 'hi' })
  for (const one of crowd) for (let n = 0; n < 3; n += 1) await speak(one)
  expect(abuse.untracked).toBe(3)
  for (const remembered of crowd.slice(0, 16)) await expect(speak(remembered)).rejects.toEqual(tooFast(334))
  for (const other of crowd.slice(16)) await speak(other)
  expect(abuse.untracked).toBe(4)
  // A second later all are forgotten, and there is room.
  clock.advance(1_000)
  for (const one of crowd.slice(16)) for (let n = 0; n < 3; n += 1) await speak(one)
  for (const one of crowd.slice(16)) await expect(speak(one)).rejects.toEqual(refusal('RATE_LIMITED'))
  expect(abuse.untracked).toBe(4)
})

test.each(['service', 'admin'] as const)('the role %s is not limited', async (role) => {
  const { says, connect, clock } = await withAlice(THREE_A_SECOND)
  const bot = connect('bot', { role })
  for (let n = 0; n < 10; n += 1) await says(bot, lobby, { body: 'notice' })
  expect(clock.uptimeMs()).toBe(0)
})

test('messages that may not be sent do not count', async () => {
  const { say, says, connect, rooms, alice } = await withAlice(THREE_A_SECOND)
  const bob = connect('bob')
  for (let n = 0; n < 5; n += 1) {
    await expect(says(bob, lobby, { body: 'let me in' })).rejects.toEqual(refusal('NOT_A_MEMBER'))
    await expect(say(40_000)).rejects.toEqual(refusal('MESSAGE_TOO_LARGE'))
  }
  await rooms.join(bob.principal, bob.connection, lobby)
  for (const sender of [bob, alice]) {
    for (let n = 0; n < 3; n += 1) await says(sender, lobby, { body: 'hi' })
  }
})

test('a limit that is raised counts from the next message on', async () => {
  const { say, said, settings, clock } = await withAlice(THREE_A_SECOND)
  for (const bytes of [1, 2, 3]) await say(bytes)
  settings.swap(loadSettings({ NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '1000' }))
  await expect(say(4)).rejects.toEqual(tooFast(1))
  clock.advance(1)
  await say(4)
  expect(await said()).toEqual([1, 2, 3, 4])
})
