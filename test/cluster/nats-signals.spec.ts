import { describe, expect, onTestFinished, test } from 'vitest'
import { NatsSignals } from '../../src/cluster/nats-signals.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { NatsLink } from '../../src/log/jetstream/nats-link.js'
import { roomId } from '../delivery/names.js'
import { clusterNodes, newName, SHARED_SECRETS } from '../log/jetstream/cluster-nodes.js'
import { isNatsMissing } from '../support/nats-server.js'

const lobby = roomId('lobby')

describe.skipIf(isNatsMissing)('signals between nodes', () => {
  const cluster = clusterNodes()

  async function join(name: string) {
    const env = { NESTWIRE_CLUSTER_URL: cluster.server.url, ...SHARED_SECRETS }
    const link = await NatsLink.open(loadSettings(env).cluster, 'test')
    onTestFinished(() => link.close())
    const signals = new NatsSignals(link, name)
    const heard: string[] = []
    return {
      link,
      signals,
      heard,
      listener: (payload: Buffer) => void heard.push(payload.toString()),
      say: (text: string, room = lobby) => signals.publish(room, Buffer.from(text)),
      /** What was sent to it and asked of the server by now is done. */
      settled: () => link.connection.flush(),
    }
  }

  async function two() {
    const name = newName()
    return [await join(name), await join(name)] as const
  }

  test('reach the others in order, and not the one that sends', async () => {
    const [a, b] = await two()
    const senders = new Set<string>()
    a.signals.listen(lobby, a.listener)
    b.signals.listen(lobby, (payload, sender) => {
      b.listener(payload)
      senders.add(sender)
    })
    await b.settled()
    for (const text of ['one', '', 'three']) a.say(text)
    await expect.poll(() => b.heard).toEqual(['one', '', 'three'])
    await a.settled()
    expect(a.heard).toEqual([])
    expect([...senders]).toEqual([a.signals.allNodes.self])
  })

  test('of other rooms and other clusters are not heard, whatever their names', async () => {
    const [a, b] = await two()
    const stranger = await join(newName())
    const rooms = ['*', '>', 'a.b', 'ü', 'lobby'].map(roomId)
    for (const room of rooms) b.signals.listen(room, (payload) => b.heard.push(`${room}: ${payload.toString()}`))
    await b.settled()
    for (const room of [...rooms, roomId('a.c')]) {
      stranger.say('stranger', room)
      a.say('hi', room)
    }
    await stranger.settled()
    a.say('end')
    await expect.poll(() => b.heard.at(-1)).toBe('lobby: end')
    expect(b.heard).toEqual([...rooms.map((room) => `${room}: hi`), 'lobby: end'])
  })

  test('are heard until the listener stops', async () => {
    const [a, b] = await two()
    const stop = b.signals.listen(lobby, b.listener)
    b.signals.allNodes.listen(b.listener)
    await b.settled()
    a.say('one')
    a.signals.allNodes.publish(Buffer.from('to all'))
    await expect.poll(() => b.heard).toEqual(['one', 'to all'])
    stop()
    await b.settled()
    a.say('two')
    a.signals.allNodes.publish(Buffer.from('still here'))
    await expect.poll(() => b.heard).toEqual(['one', 'to all', 'still here'])
  })

  test('are dropped while NATS is away, and heard again when it is back', async () => {
    const [a, b] = await two()
    b.signals.listen(lobby, b.listener)
    await b.settled()
    await cluster.server.stop()
    await expect.poll(() => a.signals.allNodes.isConnected || b.signals.allNodes.isConnected).toBe(false)
    a.say('lost')
    await cluster.server.restart()
    const isBack = () => a.signals.allNodes.isConnected && b.signals.allNodes.isConnected
    await expect.poll(isBack, { timeout: 10_000 }).toBe(true)
    await b.settled()
    a.say('heard')
    await expect.poll(() => b.heard).toEqual(['heard'])
  }, 20_000)

  test('of a closed connection go nowhere', async () => {
    const [a] = await two()
    await a.link.close()
    a.say('too late')
    a.signals.listen(lobby, a.listener)()
    expect(a.signals.allNodes.isConnected).toBe(false)
  })
})
