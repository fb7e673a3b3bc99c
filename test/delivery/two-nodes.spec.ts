/** Delivery on nodes that share a log: members hear what is said on either, and a node asks for what its members hear. */
import { describe, expect, test, vi } from 'vitest'
import { BackpressureRouter } from '../../src/delivery/backpressure-router.js'
import { FEED_IDLE_MS } from '../../src/delivery/unheard-feeds.js'
import { clusterNodes, type ClusterNode } from '../log/jetstream/cluster-nodes.js'
import { isNatsMissing } from '../support/nats-server.js'
import { expectChain } from '../support/room-chain.js'
import { Settings } from '../../src/config/settings.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { RecordingConnection } from './recording-connection.js'
import { lobby, text } from './router-stack.js'

/** Delivery on this node; `subscribed` says how many rooms the node gets from the network. */
function deliveryOn({ log, clock, link }: ClusterNode) {
  const { connection } = link
  const subscribe = vi.spyOn(connection, 'subscribe')
  const subscribed = (): number =>
    subscribe.mock.results.filter(({ value }, call) => {
      const [subject = ''] = subscribe.mock.calls[call] ?? []
      return subject.includes('.live.') && !(value as ReturnType<typeof connection.subscribe>).isClosed()
    }).length
  const router = new BackpressureRouter({
    log,
    journal: log,
    settings: new Settings(loadSettings({})),
    clock,
    nowMs: () => performance.now(),
    nextTick: setImmediate,
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs)
      return () => clearTimeout(timer)
    },
    marked: () => 0,
    flushBehind: () => undefined,
  })
  const say = (body: string) => router.append(lobby, text(body), 'normal')
  const enter = async () => {
    const connection = new RecordingConnection()
    await router.open(lobby)
    return { connection, from: router.attach(lobby, connection) }
  }
  return { router, say, enter, subscribed }
}

async function startTwo(nodes: ReturnType<typeof clusterNodes>) {
  const node = await nodes.open()
  const [here, there] = [deliveryOn(node), deliveryOn(await node.sibling())]
  return { here, there, clock: node.clock }
}

const bodies = ({ records }: RecordingConnection): readonly string[] => records.map(({ body }) => body.toString())

describe.skipIf(isNatsMissing)('on two nodes', () => {
  const nodes = clusterNodes()

  test('members hear in one order what is said on either, and who only speaks follows nothing', async () => {
    const { here, there } = await startTwo(nodes)
    const [alice, bob] = [await here.enter(), await here.enter()]
    const said: Promise<unknown>[] = []
    for (let count = 0; count < 50; count += 1) said.push(here.say(`here ${count}`), there.say(`there ${count}`))
    await Promise.all(said)
    for (const { connection } of [alice, bob]) await expect.poll(() => connection.records.length).toBe(100)
    expect(bodies(alice.connection)).toEqual(bodies(bob.connection))
    expectChain(alice.connection, alice.from)
    expect([here.subscribed(), there.subscribed()]).toEqual([1, 0])
  })

  test('a room is no longer subscribed to a minute after its last member, and nothing is missed after that', async () => {
    const { here, there, clock } = await startTwo(nodes)
    const before = await here.enter()
    await there.say('heard')
    await expect.poll(() => bodies(before.connection)).toEqual(['heard'])
    here.router.detach(lobby, before.connection)
    clock.advance(FEED_IDLE_MS - 1)
    expect(here.subscribed()).toBe(1)
    clock.advance(1)
    expect(here.subscribed()).toBe(0)
    await there.say('missed')
    const after = new RecordingConnection()
    await here.router.open(lobby)
    here.router.attach(lobby, after, before.connection.records[0]?.seq)
    await there.say('live')
    await expect.poll(() => bodies(after)).toEqual(['missed', 'live'])
    expect(here.subscribed()).toBe(1)
  })

  test('who heard a room that another node deleted hears nothing of the later one', async () => {
    const { here, there } = await startTwo(nodes)
    const old = await here.enter()
    await there.say('old')
    await expect.poll(() => bodies(old.connection)).toEqual(['old'])
    await there.router.deleteRoom(lobby)
    await expect.poll(() => here.router.head(lobby).seq).toBe(0)
    const later = await here.enter()
    expect(later.from.epoch).not.toBe(old.from.epoch)
    await there.say('new')
    await expect.poll(() => bodies(later.connection)).toEqual(['new'])
    expect(later.connection.packets).toMatchObject([{ epoch: later.from.epoch, records: [{ prev: 0 }] }])
    expect([bodies(old.connection), here.router.heldBytes]).toEqual([['old'], 0])
  })
})
