/** Two whole servers on one NATS, and people on both who share a room. */
import { describe, expect, test } from 'vitest'
import { newName, clusterNodes, SHARED_SECRETS } from '../log/jetstream/cluster-nodes.js'
import { isNatsMissing } from '../support/nats-server.js'
import { startChat, type Chat } from '../support/chat-harness.js'

describe.skipIf(isNatsMissing)('people on two nodes', () => {
  const cluster = clusterNodes()

  async function twoNodes(): Promise<readonly [Chat, Chat]> {
    const common = { NESTWIRE_CLUSTER_URL: cluster.server.url, NESTWIRE_CLUSTER_NAME: newName(), ...SHARED_SECRETS }
    // Each story says on which node somebody is.
    const env = { ...common, NESTWIRE_CLUSTER_ROUTING: 'accept' }
    return [await startChat(env), await startChat(env)]
  }

  /** Half a second, in which what they tell each other arrives. */
  async function pass(nodes: readonly Chat[]): Promise<void> {
    for (const { clock } of nodes) clock.advance(500)
    await new Promise((resolve) => setImmediate(resolve))
  }

  test('see each other type', async () => {
    const [east, west] = await twoNodes()
    const alice = await east.connect('alice')
    await alice.join('lobby')
    const phone = await east.connect('alice')
    await phone.join('lobby')
    const bob = await west.connect('bob')
    await bob.join('lobby')
    const signal = { room: 'lobby', name: 'typing', data: { isTyping: true } }
    const event = { ...signal, from: 'alice' }
    await expect
      .poll(async () => {
        await alice.request('rooms.signal', signal)
        return bob.inbox.some((packet) => packet.kind === 'event' && packet.pattern === 'rooms.signal')
      })
      .toBe(true)
    expect(await bob.event('rooms.signal')).toEqual(event)
    expect(await phone.event('rooms.signal')).toEqual(event)
    await alice.settled()
    expect(alice.inbox.filter((packet) => packet.kind === 'event' && packet.pattern === 'rooms.signal')).toEqual([])
  })

  test('are counted together', async () => {
    const nodes = await twoNodes()
    const [east, west] = nodes
    const alice = await east.connect('alice')
    await alice.join('lobby')
    const bob = await west.connect('bob')
    await bob.join('lobby')
    const online = async (person: typeof alice) => {
      await pass(nodes)
      return person.request('rooms.info', { room: 'lobby' })
    }
    await expect.poll(() => online(alice)).toMatchObject({ members: 2, online: 2 })
    await expect.poll(() => online(bob)).toMatchObject({ members: 2, online: 2 })
    for (const person of [alice, bob]) {
      const told = async () => {
        await pass(nodes)
        return person.event('rooms.presence')
      }
      await expect.poll(told).toEqual({ room: 'lobby', members: 2, online: 2 })
    }
    bob.reset()
    await expect.poll(() => west.sessionCount()).toBe(0)
    await west.close()
    // Nobody had to wait for the time of a silent node to be over.
    await expect.poll(() => alice.request('rooms.info', { room: 'lobby' })).toMatchObject({ online: 1 })
  })
})
