/** `cluster.nodes` and `cluster.route`, over real sockets. */
import { describe, expect, test } from 'vitest'
import { startChat } from '../support/chat-harness.js'
import { ChatUser } from '../support/chat-user.js'
import { isNatsMissing } from '../support/nats-server.js'
import { clusters, userOf, type ChatNode } from './chat-nodes.js'

async function login(node: ChatNode, user: string, role: 'user' | 'service' = 'user'): Promise<ChatUser> {
  return ChatUser.login(node.port, await node.tokenOf(user, { role }))
}

describe.skipIf(isNatsMissing)('on a node of a cluster', () => {
  const newCluster = clusters()

  test('a user is told the nodes', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const user = await login(a, userOf(a))
    const node = (name: string, address: string, isSelf: boolean) => {
      return { id: expect.stringMatching(`^${name}-.{8}$`), name, address, state: 'up', connections: 0, isSelf }
    }
    const nodes = [node('a', a.told, true), node('b', b.told, false)]
    expect(await user.request('cluster.nodes')).toEqual({ nodes })
    expect(await user.request('cluster.nodes', {})).toEqual({ nodes })
    expect(await user.refusal('cluster.nodes', { all: true })).toBe('BAD_PAYLOAD')
  })

  test('a node that drains is told as such, and one that is silent not at all', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const user = await login(a, 'bot', 'service')
    await b.server.close()
    expect(await user.request('cluster.nodes')).toMatchObject({
      nodes: [{ name: 'a' }, { name: 'b', state: 'draining' }],
    })
    const nodeCount = async (): Promise<number> => {
      a.clock.advance(1_000)
      return ((await user.request('cluster.nodes')) as { nodes: unknown[] }).nodes.length
    }
    await expect.poll(nodeCount, { timeout: 10_000, interval: 10 }).toBe(1)
  })

  test('users may ask where they belong, services where anybody does', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const [user, bot] = [await login(a, userOf(a)), await login(a, 'bot', 'service')]
    expect(await user.request('cluster.route', { user: userOf(a) })).toEqual({ node: 'a', address: a.told })
    expect(await user.refusal('cluster.route', { user: userOf(b) })).toBe('FORBIDDEN')
    expect(await bot.request('cluster.route', { user: userOf(b) })).toEqual({ node: 'b', address: b.told })
    expect(await bot.refusal('cluster.route', { user: '' })).toBe('BAD_PAYLOAD')
  })
})

test('a server that is alone refuses both', async () => {
  const chat = await startChat()
  const alice = await chat.connect('alice')
  expect(await alice.refusal('cluster.nodes')).toBe('FEATURE_OFF')
  expect(await alice.refusal('cluster.route', { user: 'alice' })).toBe('FEATURE_OFF')
})
