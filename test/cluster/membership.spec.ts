/** Nodes that come, drain, fall silent and go, on a real NATS server. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Logger } from '@nestjs/common'
import { RoomOwnership } from '../../src/log/room-ownership.js'
import { roomOf } from '../support/example-packets.js'
import { isNatsMissing, NatsServer } from '../support/nats-server.js'
import { runApp } from '../support/running-app.js'
import { clusterOn, clusters, seesInTime, type Cluster } from './chat-nodes.js'

describe.skipIf(isNatsMissing)('nodes of a cluster', () => {
  const newCluster = clusters()

  test('know each other with address, connections and state', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    await b.greeted()
    await expect.poll(() => b.server.connectionCount).toBe(1)
    b.clock.advance(1_000)
    const seen = { name: 'b', address: b.told, state: 'up', connections: 1, ageMs: 0, id: expect.stringMatching(/^b-/) }
    await expect.poll(a.view).toMatchObject({ kind: 'cluster', nats: 'up', routing: 'redirect', nodes: [{}, seen] })
    a.clock.advance(400)
    expect(await a.view()).toMatchObject({ self: expect.stringMatching(/^a-/), nodes: [{ name: 'a' }, { ageMs: 400 }] })
  })

  test('take their names from their addresses if they have none', async () => {
    const { start } = newCluster()
    const a = await start('', { NESTWIRE_ADVERTISED_ADDRESS: 'a.example.org:443' })
    expect(await a.view()).toMatchObject({ nodes: [{ name: 'a-example-org-443', address: 'a.example.org:443' }] })
  })

  test('lose one that falls silent, and have it again when it speaks', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    await seesInTime(a, { a: 'up', b: 'silent' })
    expect(a.router.nodes().map(({ name }) => name)).toEqual(['a'])
    expect(await b.states()).toEqual({ a: 'up', b: 'up' })
    b.clock.advance(1_000)
    await expect.poll(a.states).toEqual({ a: 'up', b: 'up' })
  })

  test('forget one that stays silent, and have it again when it speaks', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    await seesInTime(a, { a: 'up' })
    await expect.poll(b.states).toEqual({ a: 'up', b: 'up' })
    b.clock.advance(1_000)
    await expect.poll(a.states).toEqual({ a: 'up', b: 'up' })
  })

  test('hear that one drains while its clients are there, and that it is gone', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const client = await b.greeted()
    const closed = b.close()
    await client.expect('close')
    await expect.poll(a.states).toEqual({ a: 'up', b: 'draining' })
    client.end()
    await closed
    await expect.poll(a.states).toEqual({ a: 'up' })
  })

  test('share out who tidies up which room, and take over those of one that goes', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    const rooms = Array.from({ length: 100 }, (_, n) => roomOf(`room-${n}`))
    const owners = (): readonly number[] =>
      rooms.map((room) => [a, b].filter(({ app }) => app.get(RoomOwnership, { strict: false }).isMine(room)).length)
    expect(new Set(owners())).toEqual(new Set([1]))
    await b.server.close()
    await expect.poll(() => new Set(owners())).toEqual(new Set([1]))
    expect(rooms.every((room) => a.app.get(RoomOwnership, { strict: false }).isMine(room))).toBe(true)
    await a.server.close()
    // Nobody is left to do it, so everybody may.
    await expect.poll(() => new Set(owners())).toEqual(new Set([2]))
  })

  test('tell once if two of them have one name', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn')
    onTestFinished(() => warn.mockRestore())
    const { start } = newCluster()
    const [older, newer] = [await start('a'), await start('a')]
    for (const second of [1, 2, 3]) {
      older.clock.advance(1_000)
      newer.clock.advance(1_000)
      await expect.poll(() => older.router.nodes().map(({ beats }) => beats)).toEqual([1 + second, 1 + second])
    }
    const told = warn.mock.calls
      .map(([text]) => String(text))
      .filter((text) => text.startsWith('two nodes are called a'))
    // Each of the two nodes says so.
    expect(told).toHaveLength(2)
  })

  test('pass over what a later version wrote, and say so once', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn')
    onTestFinished(() => warn.mockRestore())
    const { start } = newCluster()
    const a = await start('a')
    const { state } = a
    await state.put(['node', 'z-1'], Buffer.of(2))
    await state.put(['node', 'z-2'], Buffer.of(2))
    await state.caughtUp(['node', 'z-2'])
    expect(await a.states()).toEqual({ a: 'up' })
    expect(warn.mock.calls.filter(([text]) => String(text).includes('is newer'))).toHaveLength(1)
  })
})

describe.skipIf(isNatsMissing)('without NATS', () => {
  async function twoNodes(): Promise<{ readonly server: NatsServer } & Pick<Cluster, 'start'>> {
    const server = await NatsServer.start()
    onTestFinished(() => server.discard())
    return { server, start: clusterOn(server).start }
  }

  test('nobody is judged, and all have a whole timeout when it is back', async () => {
    const { server, start } = await twoNodes()
    const [a, b] = [await start('a'), await start('b')]
    await server.stop()
    await expect.poll(async () => (await a.view()).nats).toMatch(/no connection/)
    for (let second = 0; second < 100; second += 1) a.clock.advance(1_000)
    expect(await a.states()).toEqual({ a: 'up', b: 'up' })
    await server.restart()
    await expect.poll(async () => (await a.view()).nats, { timeout: 10_000 }).toBe('up')
    const beatsOfB = (): number | undefined => {
      b.clock.advance(1_000)
      return a.router.nodes()[1]?.beats
    }
    await expect.poll(beatsOfB, { timeout: 10_000 }).toBeGreaterThan(1)
    await seesInTime(a, { a: 'up', b: 'silent' })
  })

  test('a shutdown does not wait for it', async () => {
    const { server, start } = await twoNodes()
    const a = await start('a')
    await server.stop()
    await expect.poll(async () => (await a.view()).nats).toMatch(/no connection/)
    // Time stands still, so a wait would never end.
    await a.close()
  })

  test('a shutdown waits a second for one that is frozen', async () => {
    const { server, start } = await twoNodes()
    const a = await start('a')
    const client = await a.greeted()
    server.freeze()
    onTestFinished(() => server.thaw())
    const drained = a.server.close()
    a.clock.advance(999)
    await client.expectNothing()
    a.clock.advance(1)
    await client.expectClosed('ShuttingDown')
    client.end()
    await drained
  })
})

test('a node that is alone says so', async () => {
  const { httpAddress } = await runApp()
  const response = await fetch(`http://127.0.0.1:${httpAddress.port}/cluster`)
  expect(await response.json()).toEqual({ kind: 'alone' })
})
