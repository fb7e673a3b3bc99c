/** A session belongs to its user, not to a node: it goes on where the client comes back. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Feature } from '../../src/protocol/constants.js'
import { ResumeOutcome } from '../../src/protocol/packets.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { isNatsMissing, NatsServer } from '../support/nats-server.js'
import { hello } from '../support/raw-client.js'
import { runCluster, type ClusterApp } from './cluster-apps.js'

async function login(app: ClusterApp, name: string, role: 'user' | 'service' = 'user'): Promise<ChatUser> {
  return ChatUser.login(app.address.port, await app.tokenOf(name, { role }), hello({ features: Feature.Resume }))
}

describe.skipIf(isNatsMissing)('sessions of a cluster', () => {
  let nats: NatsServer
  beforeAll(async () => {
    nats = await NatsServer.start()
  })
  afterAll(() => nats.discard())

  const twoNodes = async () => (await runCluster(nats, 2)) as [ClusterApp, ClusterApp]

  test('go on on another node, with all that was missed', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob] = [await login(here, 'alice'), await login(there, 'bob')]
    await alice.join('lobby')
    await bob.join('lobby')
    await alice.hears('lobby', ['+bob'])
    alice.socket.destroy()
    for (const text of ['one', 'two', 'three']) await bob.says('lobby', text)
    const back = await ChatUser.comeBack(there.address.port, alice)
    expect(back.granted).toMatchObject({
      user: 'alice',
      session: alice.granted?.session,
      rooms: [{ room: 'lobby', outcome: ResumeOutcome.Whole }],
    })
    await back.hears('lobby', ['one', 'two', 'three'])
    await bob.says('lobby', 'four')
    await back.hears('lobby', ['four'])
  })

  test('end here when they go on there', async () => {
    const [here, there] = await twoNodes()
    const alice = await login(here, 'alice')
    await alice.join('lobby')
    const back = await ChatUser.comeBack(there.address.port, alice)
    await alice.expectClosed('TakenOver')
    await back.says('lobby', 'here now')
    await back.hears('lobby', ['here now'])
  })

  test('that two nodes resume at once go on on one of them', async () => {
    const [here, there] = await twoNodes()
    for (let round = 0; round < 10; round += 1) {
      const alice = await login(here, `alice${round}`)
      alice.socket.destroy()
      const tries = await Promise.all(
        [here, there].map(async ({ address }) => {
          const person = await ChatUser.greetedForResume(address.port)
          person.send(resume(alice.ticket, [], person.nextCorrelation()))
          return person
        }),
      )
      const ends = await Promise.all(tries.map((person) => person.find(({ kind }) => kind !== 'ping')))
      expect(ends.some(({ kind }) => kind === 'resumed')).toBe(true)
      // Who was first hears of the other: one at most is left.
      const resumed = tries.filter((_, index) => ends[index]?.kind === 'resumed')
      if (resumed.length === 2) await Promise.race(resumed.map((person) => person.find(({ kind }) => kind === 'close')))
    }
  })

  test('that are ended on one node end on all', async () => {
    const [here, there] = await twoNodes()
    const [alice, service] = [await login(here, 'alice'), await login(there, 'warden', 'service')]
    expect(await service.request('auth.revoke', { session: alice.granted?.session })).toMatchObject({ changed: true })
    await alice.expectClosed('SessionRevoked')
    for (const { address } of [here, there]) {
      const back = await ChatUser.greetedForResume(address.port)
      expect(await back.refusalOf((correlation) => resume(alice.ticket, [], correlation))).toBe('TICKET_INVALID')
    }
  })

  test('do not come back with a ticket that was replaced on another node', async () => {
    const [here, there] = await twoNodes()
    const alice = await login(here, 'alice')
    const second = await ChatUser.comeBack(there.address.port, alice)
    await second.showsTicket()
    const third = await ChatUser.greetedForResume(here.address.port)
    await expect
      .poll(() => third.refusalOf((correlation) => resume(alice.ticket, [], correlation)).catch(() => 'closed'))
      .toBe('TICKET_INVALID')
  })
})
