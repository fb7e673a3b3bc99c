/** People of one room on several nodes: to them it is one room. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Environment } from '../../src/config/load-settings.js'
import { ChatUser, join, publish } from '../support/chat-user.js'
import { isNatsMissing, NatsServer } from '../support/nats-server.js'
import type { TestApp } from '../support/running-app.js'
import { runCluster, viewOf, type ClusterApp } from './cluster-apps.js'

const LATE = { timeout: 10_000 }

async function login(app: TestApp, name: string, role: 'user' | 'service' = 'user'): Promise<ChatUser> {
  return ChatUser.login(app.address.port, await app.tokenOf(name, { role }))
}

describe.skipIf(isNatsMissing)('rooms of a cluster', () => {
  let nats: NatsServer
  beforeAll(async () => {
    nats = await NatsServer.start()
  })
  afterAll(() => nats.discard())

  const twoNodes = async (env: Environment = {}) => (await runCluster(nats, 2, env)) as [ClusterApp, ClusterApp]

  test('members on two nodes hear each other, in one order', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob] = [await login(here, 'alice'), await login(there, 'bob')]
    await alice.join('lobby')
    await bob.join('lobby')
    await alice.hears('lobby', ['+bob'])
    await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? alice : bob).says('lobby', `m${n}`)))
    const [toAlice, toBob] = [await alice.records('lobby', 20), await bob.records('lobby', 20)]
    expect(toAlice.map(({ seq, body }) => [seq, body.toString()])).toEqual(
      toBob.map(({ seq, body }) => [seq, body.toString()]),
    )
  })

  test('a room that two found at once is one room', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob] = [await login(here, 'alice'), await login(there, 'bob')]
    for (let round = 0; round < 10; round += 1) {
      const room = `r${round}`
      const [one, other] = await Promise.all([alice.join(room), bob.join(room)])
      expect(one.epoch).toBe(other.epoch)
      await expect.poll(() => viewOf(here), LATE).toEqual(viewOf(there))
      expect(viewOf(here)).toHaveProperty(
        room,
        expect.objectContaining({ members: [expect.anything(), expect.anything()] }),
      )
    }
  })

  test('of two who create a room at once one is told that it exists', async () => {
    const [here, there] = await twoNodes()
    const people = [await login(here, 'alice'), await login(there, 'bob')]
    for (let round = 0; round < 10; round += 1) {
      const outcomes = await Promise.allSettled(
        people.map((person) => person.request('rooms.create', { room: `r${round}` })),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    }
    await expect.poll(() => viewOf(here), LATE).toEqual(viewOf(there))
  })

  test('whoever is kicked on another node is told, heard of and silenced', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob, carol] = [await login(here, 'alice'), await login(there, 'bob'), await login(there, 'carol')]
    await alice.join('lobby')
    await bob.join('lobby')
    await carol.join('lobby')
    await bob.hears('lobby', ['+carol'])
    expect(await alice.request('rooms.kick', { room: 'lobby', user: 'bob' })).toEqual({ room: 'lobby', changed: true })
    expect(await bob.event('rooms.left')).toEqual({ room: 'lobby', reason: 'kicked' })
    await carol.hears('lobby', ['-bob kicked'])
    expect(await bob.refusalOf((correlation) => publish('lobby', 'hey', correlation))).toBe('NOT_A_MEMBER')
    await alice.says('lobby', 'quiet now')
    await carol.hears('lobby', ['quiet now'])
    await bob.expectNothing()
    await bob.join('lobby')
    await alice.hears('lobby', ['+bob', '+carol', '-bob kicked', 'quiet now', '+bob'])
  })

  test('a ban holds on every node, until it is lifted on any', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob] = [await login(here, 'alice'), await login(there, 'bob')]
    await alice.join('lobby')
    await bob.join('lobby')
    await alice.request('rooms.ban', { room: 'lobby', user: 'bob' })
    expect(await bob.event('rooms.left')).toEqual({ room: 'lobby', reason: 'banned' })
    expect(await bob.refusalOf((correlation) => join('lobby', correlation))).toBe('BANNED')
    await alice.request('rooms.unban', { room: 'lobby', user: 'bob' })
    await expect.poll(() => viewOf(there), LATE).toEqual(viewOf(here))
    expect(await bob.join('lobby')).toMatchObject({ members: 2 })
  })

  test('whoever leaves on one node is gone from all, and ownership passes alike', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob, carol] = [await login(here, 'alice'), await login(there, 'bob'), await login(here, 'carol')]
    for (const person of [alice, bob, carol]) await person.join('lobby')
    await alice.request('rooms.leave', { room: 'lobby' })
    await expect.poll(() => viewOf(there), LATE).toEqual(viewOf(here))
    expect(viewOf(there)).toHaveProperty('lobby', expect.objectContaining({ owner: 'bob' }))
    expect(await carol.request('rooms.info', { room: 'lobby' })).toMatchObject({ members: 2, owner: 'bob' })
  })

  test('an empty room is gone on all nodes, and the next one of that name knows nothing of it', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob] = [await login(here, 'alice'), await login(there, 'bob')]
    const first = await alice.join('lobby')
    await bob.join('lobby')
    await bob.says('lobby', 'old')
    await bob.hears('lobby', ['old'])
    await alice.request('rooms.ban', { room: 'lobby', user: 'mallory' })
    await bob.request('rooms.leave', { room: 'lobby' })
    await alice.request('rooms.leave', { room: 'lobby' })
    expect(viewOf(here)).toEqual({})
    await expect.poll(() => viewOf(there), LATE).toEqual({})
    const again = await bob.join('lobby')
    expect(again.epoch).not.toBe(first.epoch)
    expect(await bob.request('chat.history', { room: 'lobby' })).toMatchObject({ records: [{ kind: 'join' }] })
    const mallory = await login(here, 'mallory')
    await mallory.join('lobby')
    await bob.hears('lobby', ['+mallory'])
  })

  test('a room that is left and entered at once ends as one room', async () => {
    const [here, there] = await twoNodes()
    const [alice, bob] = [await login(here, 'alice'), await login(there, 'bob')]
    for (let round = 0; round < 25; round += 1) {
      await alice.join('lobby')
      const [, joined] = await Promise.all([alice.request('rooms.leave', { room: 'lobby' }), bob.join('lobby')])
      expect(joined).toMatchObject({ room: 'lobby' })
      const ack = await bob.says('lobby', `round ${round}`)
      const records = (await bob.request('chat.history', { room: 'lobby' })) as { records: { seq: number }[] }
      expect(records.records.map(({ seq }) => seq)).toContain(ack.seq)
      await expect.poll(() => viewOf(there), LATE).toEqual(viewOf(here))
      await bob.request('rooms.leave', { room: 'lobby' })
      await expect.poll(() => [viewOf(here), viewOf(there)], LATE).toEqual([{}, {}])
    }
  })

  test('a node that starts later knows all', async () => {
    const [first, second] = await twoNodes()
    const [alice, bob] = [await login(first, 'alice'), await login(second, 'bob')]
    for (const room of ['a', 'b', 'c']) {
      await alice.join(room)
      await bob.join(room)
    }
    await alice.request('rooms.ban', { room: 'b', user: 'bob' })
    const third = await second.sibling()
    expect(viewOf(third)).toEqual(viewOf(first))
  })
})
