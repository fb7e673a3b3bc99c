import { describe, expect, test } from 'vitest'
import { MAX_NODES } from '../../src/cluster/hash-ring.js'
import { FORGET_AFTER_BEATS, NODE_TIMEOUT_BEATS, NodeDirectory } from '../../src/cluster/node-directory.js'
import { nodeEntry, nodeName } from './node-entries.js'

/** A directory of the node `a`, which can hear itself. */
class Watched extends NodeDirectory {
  private readonly ownEntry = nodeEntry('a')

  constructor() {
    super()
    this.tell('a-1', this.ownEntry, 0)
  }

  /** So many heartbeats of its own come back. */
  ownBeats(count: number): void {
    for (let beat = 0; beat < count; beat += 1) this.hear('a-1', this.ownEntry, 0)
  }

  get onRing(): readonly string[] {
    return this.placement.ring.nodes
  }
}

const withB = (): Watched => {
  const directory = new Watched()
  directory.hear('b-1', nodeEntry('b'), 0)
  return directory
}

describe('who is up', () => {
  test('is whoever told of itself, this node included', () => {
    const directory = withB()
    expect(directory.onRing).toEqual(['a', 'b'])
    expect(directory.own).toMatchObject({ id: 'a-1', state: 'up' })
  })

  test('is not who changed nothing for five heartbeats', () => {
    const directory = withB()
    directory.ownBeats(NODE_TIMEOUT_BEATS - 1)
    expect(directory.onRing).toEqual(['a', 'b'])
    directory.ownBeats(1)
    expect(directory.onRing).toEqual(['a'])
    expect(directory.get('b-1')?.state).toBe('silent')
  })

  test('is who comes back, at once', () => {
    const directory = withB()
    directory.ownBeats(NODE_TIMEOUT_BEATS + 1)
    expect(directory.onRing).toEqual(['a'])
    directory.hear('b-1', nodeEntry('b', { beats: 1 }), 9)
    expect(directory.onRing).toEqual(['a', 'b'])
    expect(directory.get('b-1')).toMatchObject({ state: 'up', heardAtMs: 9 })
  })

  test('stays as it is while this node does not hear itself', () => {
    const directory = withB()
    directory.ownBeats(NODE_TIMEOUT_BEATS - 1)
    directory.tell('a-1', nodeEntry('a', { beats: 900 }), 900_000)
    expect(directory.onRing).toEqual(['a', 'b'])
  })

  test('is this node for itself, whatever others remove', () => {
    const directory = withB()
    directory.forget('a-1')
    directory.ownBeats(FORGET_AFTER_BEATS)
    expect(directory.own?.state).toBe('up')
  })

  test('is not who has left', () => {
    const directory = withB()
    directory.forget('b-1')
    expect(directory.nodes.map(({ id }) => id)).toEqual(['a-1'])
    expect(directory.onRing).toEqual(['a'])
  })
})

test('a draining node is on no ring, and known all the same', () => {
  const directory = withB()
  directory.hear('b-1', nodeEntry('b', { isDraining: true }), 0)
  expect(directory.onRing).toEqual(['a'])
  expect(directory.get('b-1')?.state).toBe('draining')
  directory.tell('a-1', nodeEntry('a', { isDraining: true }), 0)
  expect(directory.onRing).toEqual([])
})

test('a node is lost after sixty heartbeats of silence', () => {
  const directory = withB()
  directory.ownBeats(FORGET_AFTER_BEATS - 1)
  expect(directory.lost).toEqual([])
  directory.ownBeats(1)
  expect(directory.lost).toEqual(['b-1'])
})

test('heartbeats of others make no new ring', () => {
  const directory = withB()
  const { ring } = directory.placement
  directory.hear('b-1', nodeEntry('b', { beats: 1, connections: 5 }), 0)
  expect(directory.placement.ring).toBe(ring)
})

describe('two nodes of one name', () => {
  const twoOfB = (): Watched => {
    const directory = new Watched()
    directory.hear('b-2', nodeEntry('b', { epochMs: 2, address: 'new:1' }), 0)
    directory.hear('b-1', nodeEntry('b', { epochMs: 1, address: 'old:1' }), 0)
    return directory
  }

  test('are one on the ring, the newer', () => {
    const directory = twoOfB()
    expect(directory.onRing).toEqual(['a', 'b'])
    expect(directory.placement.nodes.get(nodeName('b'))).toMatchObject({ address: 'new:1' })
    expect([directory.isDoubled('b-1'), directory.isDoubled('b-2')]).toEqual([true, false])
  })

  test('are no mistake if the older one drains', () => {
    const directory = twoOfB()
    directory.hear('b-1', nodeEntry('b', { epochMs: 1, isDraining: true }), 0)
    expect(directory.isDoubled('b-1')).toBe(false)
  })

  test('leave the older one its place when the newer goes', () => {
    const directory = twoOfB()
    directory.forget('b-2')
    expect(directory.placement.nodes.get(nodeName('b'))).toMatchObject({ address: 'old:1' })
  })
})

test('a ring has room for 1,024 nodes, and the rest is left out', () => {
  const directory = new Watched()
  const name = (n: number): string => `n${String(n).padStart(5, '0')}`
  for (let n = 1; n < MAX_NODES; n += 1) directory.hear(`${name(n)}-1`, nodeEntry(name(n)), 0)
  expect(directory.onRing).toHaveLength(MAX_NODES)
  directory.hear('z-1', nodeEntry('z'), 0)
  expect(directory.onRing).toHaveLength(MAX_NODES)
  expect(directory.onRing).not.toContain('z')
})
