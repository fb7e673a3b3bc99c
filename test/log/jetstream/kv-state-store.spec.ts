import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BucketWatch } from '../../../src/log/jetstream/bucket-watch.js'
import type { NatsLink } from '../../../src/log/jetstream/nats-link.js'
import { stateStoreContract } from '../../contracts/state-store.contract.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { BreakablePath } from '../../cluster/processes/breakable-path.js'
import { clusterNodes, storedIn } from './cluster-nodes.js'

/** As when the server of a consumer dies. */
async function loseWatches(link: NatsLink, stream: string): Promise<void> {
  const { consumers } = await jetstreamManager(link.connection, { checkAPI: false })
  for await (const { name } of consumers.list(stream)) await consumers.delete(stream, name)
}

async function watchesOf(link: NatsLink, stream: string): Promise<number> {
  const manager = await jetstreamManager(link.connection, { checkAPI: false })
  return (await manager.streams.info(stream)).state.consumer_count
}

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

  test('tells what whoever removed an entry had to say', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    const told: (string | undefined)[] = []
    there.watch(({ value, note }) => value === undefined && told.push(note?.toString()))
    await here.put(['member', 'a', 'bob'], Buffer.from('1'))
    await here.remove(['member', 'a', 'bob'], Buffer.from('kicked'))
    await expect.poll(() => told).toEqual(['kicked'])
    expect(there.current(['member', 'a', 'bob'])).toBeUndefined()
    expect(await here.replace(['member', 'a', 'bob'], undefined, Buffer.from('2'))).toBe(true)
  })

  test('has caught up with a write when all before it was told', async () => {
    const { state: here, sibling } = await nodes.open()
    const { state: there } = await sibling()
    const told = new Set<string>()
    here.watch(({ key }) => told.add(key.join(' ')))
    for (let round = 0; round < 50; round += 1) {
      await there.put(['room', `r${round}`], Buffer.from('1'))
      await here.put(['ban', 'a', 'bob'], Buffer.from(String(round)))
      await here.caughtUp(['ban', 'a', 'bob'])
      expect(told.has(`room r${round}`)).toBe(true)
    }
  })

  test('waits ten seconds for what other nodes wrote', async () => {
    const { link, state, clock } = await nodes.open()
    await state.put(['room', 'a'], Buffer.from('1'))
    const manager = await jetstreamManager(link.connection, { checkAPI: false })
    const watch = await BucketWatch.open({
      link,
      manager,
      clock,
      stream: state.streamName,
      subjects: '>',
      changed: () => undefined,
      reloaded: async () => undefined,
    })
    onTestFinished(() => watch.close())
    await watch.reached(1)
    let outcome = 'waiting'
    watch.reached(1_000_000).catch(({ failure }) => (outcome = failure.code))
    clock.advance(9_999)
    await watch.reached(1)
    expect(outcome).toBe('waiting')
    clock.advance(1)
    await expect.poll(() => outcome).toBe('LOG_UNAVAILABLE')
  })

  test('watches anew after 4 s of silence, if somebody waits', async () => {
    const { link, state, clock } = await nodes.open()
    await state.put(['room', 'a'], Buffer.from('1'))
    await state.caughtUp(['room', 'a'])
    await loseWatches(link, state.streamName)
    await state.put(['room', 'b'], Buffer.from('1'))
    clock.advance(3_999)
    const caughtUp = state.caughtUp(['room', 'b'])
    expect(await watchesOf(link, state.streamName)).toBe(0)
    clock.advance(1)
    await caughtUp
  })

  test('watches anew at once for whoever asks after 4 s of silence', async () => {
    const { link, state, clock } = await nodes.open()
    await state.put(['room', 'a'], Buffer.from('1'))
    await state.caughtUp(['room', 'a'])
    await loseWatches(link, state.streamName)
    await state.put(['room', 'b'], Buffer.from('1'))
    clock.advance(4_000)
    expect(await watchesOf(link, state.streamName)).toBe(0)
    await state.caughtUp(['room', 'b'])
  })

  test('has all entries when it is open', async () => {
    const { state: here, sibling } = await nodes.open()
    const names = Array.from({ length: 300 }, (_, index) => `r${index}`)
    await Promise.all(names.map((name) => here.put(['room', name], Buffer.from(name))))
    const { state: there } = await sibling()
    for (const name of names) expect(there.current(['room', name])?.toString()).toBe(name)
  })

  test('is open when all is told, though other entries are written again meanwhile', async () => {
    const { state, sibling } = await nodes.open()
    const value = Buffer.from('there')
    const users = Array.from({ length: 20_000 }, (_, index) => `user-${index}`)
    // In waves: each write has 5 s from when it is sent.
    for (let from = 0; from < users.length; from += 500) {
      const wave = users.slice(from, from + 500)
      await Promise.all(wave.map((user) => state.put(['member', 'lobby', user], value)))
    }
    await state.put(['node', 'busy'], value)
    const opened = new AbortController()
    const beating = (async () => {
      while (!opened.signal.aborted) await state.put(['node', 'busy'], value)
    })()
    const { state: other } = await sibling().finally(() => opened.abort())
    await beating
    expect(other.currentEntries(['member', 'lobby'])).toHaveLength(users.length)
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

  test('forgets what other nodes removed, a minute after they buried it', async () => {
    const { state: here, clock, sibling } = await nodes.open()
    const { state: there } = await sibling()
    await here.put(['room', 'kept'], Buffer.from('1'))
    for (const name of ['a', 'b', 'c']) {
      await here.put(['session', name], Buffer.from('1'))
      await here.remove(['session', name])
    }
    await expect.poll(() => [there.heldEntries, there.currentEntries(['session']).length]).toEqual([4, 0])
    clock.advance(600_000)
    await expect.poll(() => here.heldEntries).toBe(1)
    clock.advance(59_999)
    expect(there.heldEntries).toBe(4)
    clock.advance(1)
    expect(there.heldEntries).toBe(1)
  })

  test('forgets a mark that it came upon when it had forgotten it already', async () => {
    const { state: here, clock, sibling } = await nodes.open()
    const { state: there } = await sibling()
    await here.put(['session', 'a'], Buffer.from('1'))
    await here.remove(['session', 'a'])
    await expect.poll(() => [there.heldEntries, there.currentEntries(['session']).length]).toEqual([1, 0])
    // Whoever wrote the mark does not live to bury it.
    await here.close()
    clock.advance(660_000)
    expect(there.heldEntries).toBe(0)
    expect(await there.replace(['session', 'a'], Buffer.from('1'), undefined)).toBe(false)
    expect(there.heldEntries).toBe(1)
    clock.advance(660_000)
    expect(there.heldEntries).toBe(0)
    expect(await there.replace(['session', 'a'], undefined, Buffer.from('2'))).toBe(true)
  })

  test('buries all that is due, however much that is', async () => {
    const { state, clock, link } = await nodes.open()
    await Promise.all(Array.from({ length: 2_000 }, (_, index) => state.remove(['member', 'r', `u${index}`])))
    expect(await storedIn(link, state.streamName)).toBe(2_000)
    clock.advance(600_000)
    await expect.poll(() => storedIn(link, state.streamName)).toBe(0)
    await expect.poll(() => state.heldEntries).toBe(0)
  })

  test('learns after a long silence what was removed, though the bucket has forgotten that too', async () => {
    const path = await BreakablePath.to(nodes.server.port)
    const { state: there, link, clock, sibling } = await nodes.open()
    const { state: here } = await sibling({ NESTWIRE_CLUSTER_URL: path.url })
    await there.put(['room', 'a'], Buffer.from('1'))
    await there.put(['room', 'b'], Buffer.from('1'))
    await expect.poll(() => here.current(['room', 'b'])).toBeDefined()
    path.refuse()
    await there.remove(['room', 'a'])
    await there.put(['room', 'c'], Buffer.from('1'))
    clock.advance(600_000)
    await expect.poll(() => (clock.advance(10_000), storedIn(link, there.streamName))).toBe(2)
    const told: string[] = []
    here.watch(({ key, value }) => told.push(`${key.join(' ')} ${value?.toString()}`))
    path.mend()
    await expect.poll(() => here.current(['room', 'a'])).toBeUndefined()
    expect(told).toEqual(['room b 1', 'room c 1', 'room a undefined'])
    expect(here.heldEntries).toBe(2)
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
