/**
 * Whatever people do on several nodes at once, in the end all nodes say the same of every room, and so does one that starts
 * then; and a room that nobody belongs to is gone.
 */
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ChatUser } from '../support/chat-user.js'
import { isNatsMissing, NatsServer } from '../support/nats-server.js'
import { runCluster, viewOf, type ClusterApp, type RoomView } from './cluster-apps.js'

const NODES = 3
const USERS = ['alice', 'bob', 'carol'] as const
const LATE = { timeout: 15_000 }
const RUNS = 30

const deed = fc.record({
  node: fc.nat(NODES - 1),
  user: fc.constantFrom(...USERS),
  what: fc.constantFrom('join', 'join', 'leave', 'leave', 'kick', 'ban', 'unban', 'create'),
  target: fc.constantFrom(...USERS),
  room: fc.constantFrom('a', 'b'),
})
type Deed = typeof deed extends fc.Arbitrary<infer One> ? One : never

describe.skipIf(isNatsMissing)('rooms of a cluster', () => {
  let nats: NatsServer
  beforeAll(async () => {
    nats = await NatsServer.start()
  })
  afterAll(() => nats.discard())

  test('are the same on all nodes when nothing is under way', { timeout: 120_000 }, async () => {
    const apps = await runCluster(nats, NODES)
    const people = await Promise.all(apps.map((app) => Promise.all(USERS.map((user) => login(app, user)))))
    const act = async ({ node, user, what, target, room }: Deed): Promise<void> => {
      const person = people[node]?.[USERS.indexOf(user)]
      const payload = ['kick', 'ban', 'unban'].includes(what) ? { room, user: target } : { room }
      await person?.request(`rooms.${what}`, payload).catch(() => undefined) // refused, as it may be
    }
    const settled = async (): Promise<void> => {
      const [first, ...others] = apps as [ClusterApp, ...ClusterApp[]]
      await expect.poll(() => others.every((other) => isDeepStrictEqual(viewOf(other), viewOf(first))), LATE).toBe(true)
      await expect.poll(() => Object.values(viewOf(first)).filter(isIdle), LATE).toEqual([])
    }
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(deed, { minLength: 1, maxLength: 6 }), { maxLength: 6 }), async (rounds) => {
        for (const deeds of rounds) await Promise.all(deeds.map(act))
        await settled()
      }),
      // What was done before cannot be done again: nothing to shrink.
      { numRuns: RUNS, endOnFailure: true },
    )
    const late = await (apps[0] as ClusterApp).sibling()
    expect(viewOf(late)).toEqual(viewOf(apps[0] as ClusterApp))
  })
})

const isIdle = ({ isClosing, members }: RoomView): boolean => isClosing || members.length === 0

async function login(app: ClusterApp, user: string): Promise<ChatUser> {
  return ChatUser.login(app.address.port, await app.tokenOf(user))
}
