/** Nodes with rooms of their own on one real NATS server; each has a clock that the test turns. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { NatsSignals } from '../../src/cluster/nats-signals.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { NatsLink } from '../../src/log/jetstream/nats-link.js'
import { decodePresence, type PresenceMessage } from '../../src/rooms/presence-news.js'
import { BreakablePath } from '../cluster/processes/breakable-path.js'
import { roomId } from '../delivery/names.js'
import { clusterNodes, newName, SHARED_SECRETS } from '../log/jetstream/cluster-nodes.js'
import { isNatsMissing } from '../support/nats-server.js'
import { startRooms } from './room-stack.js'

const lobby = roomId('lobby')

describe.skipIf(isNatsMissing)('presence across nodes', () => {
  const cluster = clusterNodes()

  async function signalsOf(name: string, url = cluster.server.url) {
    const env = { NESTWIRE_CLUSTER_URL: url, ...SHARED_SECRETS }
    const link = await NatsLink.open(loadSettings(env).cluster, 'test')
    onTestFinished(() => link.close())
    return { link, nodes: new NatsSignals(link, name) }
  }

  async function startNode(name: string, env: Record<string, string> = {}, url?: string) {
    const { link, nodes } = await signalsOf(name, url)
    const stack = startRooms(env, {}, { nodes })
    const settled = () => link.connection.flush()
    await settled()
    const online = (room = lobby) => {
      const found = stack.registry.get(room)
      return found && stack.presence.onlineCount(found)
    }
    /** Somebody in the lobby here. */
    const comes = async (user: string) => {
      const device = stack.connect(user)
      await stack.join(device, lobby)
      return device
    }
    return { ...stack, link, settled, online, comes, self: nodes.allNodes.self }
  }

  type Node = Awaited<ReturnType<typeof startNode>>

  /** Time passes on all of them, and what they say in it arrives. */
  async function pass(ms: number, ...nodes: readonly Node[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      for (const { clock } of nodes) clock.advance(250)
      for (const { settled } of nodes) await settled()
    }
  }

  /** Everything that is said from now on. */
  async function overhear(name: string) {
    const { link, nodes } = await signalsOf(name)
    const said: { readonly by: string; readonly message: PresenceMessage | undefined }[] = []
    nodes.allNodes.listen((payload, by) => said.push({ by, message: decodePresence(payload) }))
    await link.connection.flush()
    return said
  }

  test('members are told the sum', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    const alice = await a.comes('alice')
    const bob = await b.comes('bob')
    await b.comes('carol')
    await pass(2_500, a, b)
    for (const { connection } of [alice, bob]) {
      expect(connection.events('rooms.presence').at(-1)).toMatchObject({ room: lobby, online: 3 })
    }
    bob.connection.close(1000)
    await pass(2_500, a, b)
    expect(alice.connection.events('rooms.presence').at(-1)).toMatchObject({ room: lobby, online: 2 })
  })

  test('a node that comes later knows at once', async () => {
    const name = newName()
    const a = await startNode(name)
    await a.comes('alice')
    await pass(2_000, a)
    const b = await startNode(name)
    await b.comes('bob')
    await pass(2_000, a)
    await b.settled()
    expect(b.online()).toBe(2)
  })

  test('a user with devices on two nodes counts for each of them', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    await a.comes('alice')
    await b.comes('alice')
    await pass(2_500, a, b)
    expect([a.online(), b.online()]).toEqual([2, 2])
  })

  test('rooms answer with the sum where nobody is connected, too', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    await a.comes('alice')
    const gone = await b.comes('bob')
    gone.connection.close(1000)
    await pass(2_500, a, b)
    expect(await b.catalogue.info(lobby)).toMatchObject({ online: 1 })
    expect(b.catalogue.list({ limit: 10 }).rooms).toEqual([{ room: lobby, members: 1, online: 1 }])
  })

  test('a node that stops takes its counts along at once', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    await a.comes('alice')
    await b.comes('bob')
    await pass(2_500, a, b)
    expect(a.online()).toBe(2)
    b.presence.close()
    await b.settled()
    await a.settled()
    expect(a.online()).toBe(1)
  })

  test('a node that is silent is given up after ten seconds, and counts again when it speaks', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    const alice = await a.comes('alice')
    await b.comes('bob')
    await pass(2_500, a, b)
    await pass(7_000, a)
    expect(a.online()).toBe(2)
    await pass(4_000, a)
    expect(a.online()).toBe(1)
    await pass(1_000, a)
    expect(alice.connection.events('rooms.presence').at(-1)).toMatchObject({ online: 1 })
    await pass(5_000, a, b)
    expect([a.online(), b.online()]).toEqual([2, 2])
  })

  test('while NATS is away the last counts stand, and what changed meanwhile is told afterwards', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    await a.comes('alice')
    const bob = await b.comes('bob')
    await pass(2_500, a, b)
    await cluster.server.stop()
    await expect.poll(() => [a, b].every(({ link }) => link.fault() !== undefined)).toBe(true)
    bob.connection.close(1000)
    await b.comes('carol')
    await b.comes('dave')
    for (const { clock } of [a, b]) clock.advance(60_000)
    expect([a.online(), b.online()]).toEqual([2, 3])
    await cluster.server.restart()
    await expect.poll(() => [a, b].every(({ link }) => link.fault() === undefined), { timeout: 10_000 }).toBe(true)
    await pass(5_000, a, b)
    expect([a.online(), b.online()]).toEqual([3, 3])
  }, 20_000)

  test('a node tells what changed once an interval, in one message, and else only that it is there', async () => {
    const name = newName()
    const node = await startNode(name, { NESTWIRE_PRESENCE_INTERVAL_MS: '1000' })
    await pass(2_500, node)
    const said = await overhear(name)
    const device = await node.comes('alice')
    await node.join(device, roomId('attic'))
    await node.comes('bob')
    await pass(4_000, node)
    const news = said.flatMap(({ message }) => (message?.kind === 'news' ? [message] : []))
    expect(news.flatMap(({ counts }) => counts)).toEqual([
      [lobby, 2],
      [roomId('attic'), 1],
    ])
    expect(news.filter(({ counts }) => counts.length > 0)).toHaveLength(1)
    expect(news.length).toBeLessThanOrEqual(3)
  })

  test('one that missed something asks only who said it, and hears all of it once', async () => {
    const name = newName()
    const path = await BreakablePath.to(cluster.server.port)
    const a = await startNode(name, {}, path.url)
    const [b, c] = [await startNode(name), await startNode(name)]
    await a.comes('alice')
    await b.comes('bob')
    await pass(2_500, a, b, c)
    const said = await overhear(name)
    // Nobody hears this one of node `a`: its number is used up.
    path.refuse()
    await expect.poll(() => a.link.fault()).toBeDefined()
    a.clock.advance(2_500)
    path.mend()
    await expect.poll(() => a.link.fault(), { timeout: 10_000 }).toBeUndefined()
    await pass(5_000, a, b, c)
    const asks = said.filter(({ message }) => message?.kind === 'ask')
    expect(asks.map(({ message }) => message)).toEqual([
      { kind: 'ask', node: a.self },
      { kind: 'ask', node: a.self },
    ])
    const wholes = said.filter(({ message }) => message?.kind === 'news' && message.isWhole)
    expect(wholes.map(({ by }) => by)).toEqual([a.self])
  })

  test('many rooms are told in several messages and arrive whole', async () => {
    const name = newName()
    const [a, b] = [await startNode(name), await startNode(name)]
    const rooms = Array.from({ length: 10_000 }, (_, index) => roomId(`room ${index}`))
    let device = a.connect('alice')
    for (const [index, room] of rooms.entries()) {
      if (index % 128 === 0) device = a.connect(`user${index}`)
      await a.join(device, room)
    }
    const bob = b.connect('bob')
    await b.join(bob, rooms[0] ?? lobby)
    await b.join(bob, rooms[9_999] ?? lobby)
    await pass(2_500, a, b)
    expect([b.online(rooms[0]), b.online(rooms[9_999])]).toEqual([2, 2])
  })
})
