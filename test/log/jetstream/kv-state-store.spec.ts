import { describe, expect, test } from 'vitest'
import { stateStoreContract } from '../../contracts/state-store.contract.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, storedIn } from './cluster-nodes.js'

describe.skipIf(isNatsMissing)('state in a bucket', () => {
  const nodes = clusterNodes()

  stateStoreContract('nats', async () => (await nodes.open()).state)

  test('is the same on all nodes', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    await here.put(['room', 'lobby'], Buffer.from('one'))
    await expect.poll(() => there.current(['room', 'lobby'])?.toString()).toBe('one')
    await there.remove(['room', 'lobby'])
    await expect.poll(() => here.current(['room', 'lobby'])).toBeUndefined()
  })

  test('tells changes in order, and whose they are', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    const told: string[] = []
    here.watch(({ key, value, isOwn }) => told.push(`${key.join(' ')} ${value?.toString()} ${isOwn ? 'own' : 'other'}`))
    await here.put(['room', 'a'], Buffer.from('1'))
    await there.put(['ban', 'a', 'bob'], Buffer.from('2'))
    await here.remove(['room', 'a'])
    await expect.poll(() => told).toEqual(['room a 1 own', 'ban a bob 2 other', 'room a undefined own'])
  })

  test('has all entries when it is open', async () => {
    const { state: here, sibling } = await nodes.open()
    const names = Array.from({ length: 300 }, (_, index) => `r${index}`)
    await Promise.all(names.map((name) => here.put(['room', name], Buffer.from(name))))
    const { state: there } = await sibling()
    for (const name of names) expect(there.current(['room', name])?.toString()).toBe(name)
  })

  test('of two nodes that replace one value one wins', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    const wins = await Promise.all(
      [here, there].map((store, index) => store.replace(['session', 's'], undefined, Buffer.from(String(index)))),
    )
    expect(wins.filter((won) => won)).toHaveLength(1)
  })

  test('replaces what another node wrote a moment ago', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    for (let round = 0; round < 20; round += 1) {
      const store = round % 2 === 0 ? here : there
      const before = round === 0 ? undefined : Buffer.from(String(round - 1))
      expect(await store.replace(['session', 's'], before, Buffer.from(String(round)))).toBe(true)
    }
  })

  test('founds again what was removed, when the bucket has forgotten that too', async () => {
    const { state: here, clock, link, sibling } = await nodes.open()
    const { state: there } = await sibling()
    await here.replace(['room', 'a'], undefined, Buffer.from('1'))
    await here.remove(['room', 'a'])
    await expect.poll(() => there.current(['room', 'a'])).toBeUndefined()
    clock.advance(600_000)
    await expect.poll(() => (clock.advance(10_000), storedIn(link, here.streamName))).toBe(0)
    expect(await there.replace(['room', 'a'], undefined, Buffer.from('2'))).toBe(true)
    expect(await here.replace(['room', 'a'], Buffer.from('2'), Buffer.from('3'))).toBe(true)
  })

  test('goes on after the servers were away, and misses nothing', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    await here.put(['room', 'a'], Buffer.from('1'))
    await nodes.server.stop()
    await expect
      .poll(() =>
        here.put(['room', 'a'], Buffer.from('lost')).then(
          () => 'put',
          () => 'refused',
        ),
      )
      .toBe('refused')
    expect(here.current(['room', 'a'])?.toString()).toBe('1')
    await nodes.server.restart()
    await expect
      .poll(() =>
        here.put(['room', 'b'], Buffer.from('2')).then(
          () => 'put',
          () => 'refused',
        ),
      )
      .toBe('put')
    await expect.poll(() => there.current(['room', 'b'])?.toString()).toBe('2')
    await there.put(['room', 'c'], Buffer.from('3'))
    await expect.poll(() => here.current(['room', 'c'])?.toString()).toBe('3')
  })
})
