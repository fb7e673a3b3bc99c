import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_VIRTUAL_NODES, HashRing, MAX_NODES, MAX_VIRTUAL_NODES } from '../../src/cluster/hash-ring.js'
import type { NodeId } from '../../src/cluster/node-id.js'
import { naiveHash, naiveOwnerOf, naiveOwnersOf, naivePoints } from '../support/naive-hash-ring.js'
import { nodeId } from '../support/ring-shares.js'

const ids = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/).map(nodeId)
const nodeLists = fc.uniqueArray(ids, { maxLength: 8 })
const someNodes = fc.uniqueArray(ids, { minLength: 1, maxLength: 8 })
const virtualNodes = fc.integer({ min: 1, max: 12 })
const keys = fc.oneof(fc.string({ unit: 'binary' }), fc.string())
const keyLists = fc.array(keys, { minLength: 1, maxLength: 20 })

const nodesOf = (count: number): NodeId[] => Array.from({ length: count }, (_, at) => nodeId(`node-${at}`))

describe('a ring', () => {
  test('tells its nodes once each and in order', () => {
    const ring = HashRing.of(['b', 'a', 'b', 'B'].map(nodeId))
    expect([ring.nodes, ring.size]).toEqual([['B', 'a', 'b'], 3])
  })

  test('without nodes has no owner', () => {
    const ring = HashRing.of([])
    expect([ring.size, ring.ownerOf('alice'), ring.ownersOf('alice', 2)]).toEqual([0, undefined, []])
  })

  test('of one node gives it everything', () => {
    fc.assert(
      fc.property(ids, virtualNodes, keys, (node, points, key) => {
        const ring = HashRing.of([node], points)
        expect([ring.ownerOf(key), ring.ownersOf(key, 3)]).toEqual([node, [node]])
      }),
    )
  })

  test('gives a key on a point to the node of that point', () => {
    const ring = HashRing.of(nodesOf(10), 100)
    for (const node of ring.nodes) {
      for (let n = 0; n < 100; n += 1) expect(ring.ownerOf(`${node}#${n}`)).toBe(node)
    }
  })

  test('agrees with its naive twin', () => {
    fc.assert(
      fc.property(nodeLists, virtualNodes, keyLists, (nodes, count, keys) => {
        const [ring, points] = [HashRing.of(nodes, count), naivePoints(nodes, count)]
        for (const key of keys) {
          expect(ring.ownerOf(key)).toBe(naiveOwnerOf(points, key))
          expect(ring.ownersOf(key, nodes.length)).toEqual(naiveOwnersOf(points, key))
        }
      }),
    )
  })

  test('is the same in whatever order its nodes come', () => {
    const shuffled = someNodes.chain((nodes) =>
      fc.tuple(fc.constant(nodes), fc.shuffledSubarray(nodes, { minLength: nodes.length })),
    )
    fc.assert(
      fc.property(shuffled, virtualNodes, keyLists, ([nodes, others], count, keys) => {
        const [one, other] = [HashRing.of(nodes, count), HashRing.of([...others, ...nodes], count)]
        expect(other.nodes).toEqual(one.nodes)
        for (const key of keys) expect(other.ownersOf(key, 8)).toEqual(one.ownersOf(key, 8))
      }),
    )
  })

  test('names distinct owners, the first one first', () => {
    fc.assert(
      fc.property(someNodes, virtualNodes, keys, fc.integer({ min: 1, max: 10 }), (nodes, points, key, count) => {
        const ring = HashRing.of(nodes, points)
        const owners = ring.ownersOf(key, count)
        expect(owners[0]).toBe(ring.ownerOf(key))
        expect(new Set(owners).size).toBe(owners.length)
        expect(owners.length).toBe(Math.min(count, nodes.length))
      }),
    )
  })

  test('names nobody when nobody is wanted', () => {
    const ring = HashRing.of(nodesOf(3))
    expect([ring.ownersOf('alice', 0), ring.ownersOf('alice', -1)]).toEqual([[], []])
  })

  test('without a node gives its keys to the next in line', () => {
    fc.assert(
      fc.property(someNodes, virtualNodes, keyLists, (nodes, points, keys) => {
        const ring = HashRing.of(nodes, points)
        for (const key of keys) {
          const [owner, ...others] = ring.ownersOf(key, nodes.length)
          const rest = HashRing.of(
            nodes.filter((node) => node !== owner),
            points,
          )
          expect(rest.ownersOf(key, nodes.length)).toEqual(others)
        }
      }),
    )
  })

  test('moves no key between two others for a newcomer', () => {
    fc.assert(
      fc.property(someNodes, ids, virtualNodes, keyLists, (nodes, newcomer, points, keys) => {
        const [before, after] = [HashRing.of(nodes, points), HashRing.of([...nodes, newcomer], points)]
        for (const key of keys) expect([before.ownerOf(key), newcomer]).toContain(after.ownerOf(key))
      }),
    )
  })
})

describe('nodes with the same point', () => {
  // Found by trying 30,000 names: the points of those numbers are equal, and the key falls into the arc before them.
  test.each([
    { lesser: 'node-1239', n: 15, greater: 'node-3779', m: 4, key: 'user-2' },
    { lesser: 'node-4649', n: 3, greater: 'node-6604', m: 4, key: 'user-11' },
    { lesser: 'node-4644', n: 4, greater: 'node-6609', m: 3, key: 'user-14' },
  ])('leave it to $lesser, not $greater', ({ lesser, n, greater, m, key }) => {
    expect(naiveHash(`${lesser}#${n}`)).toBe(naiveHash(`${greater}#${m}`))
    const [nodes, points] = [[lesser, greater].map(nodeId), Math.max(n, m) + 1]
    expect(HashRing.of(nodes, points).ownersOf(key, 2)).toEqual([lesser, greater])
    expect(HashRing.of(nodes.toReversed(), points).ownersOf(key, 2)).toEqual([lesser, greater])
    expect(HashRing.of([nodeId(greater)], points).ownerOf(key)).toBe(greater)
  })
})

describe('bounds', () => {
  test.each([1, MAX_VIRTUAL_NODES])('a node has %i virtual nodes', (virtualNodes) => {
    expect(HashRing.of(nodesOf(2), virtualNodes).ownersOf('alice', 2)).toHaveLength(2)
  })

  test.each([0, MAX_VIRTUAL_NODES + 1, -1, 1.5, NaN, Infinity])(
    'a node cannot have %d virtual nodes',
    (virtualNodes) => {
      expect(() => HashRing.of(nodesOf(2), virtualNodes)).toThrow(RangeError)
      expect(() => HashRing.of([], virtualNodes)).toThrow(RangeError)
    },
  )

  test('a ring has as many nodes as the limit and not one more', () => {
    const nodes = nodesOf(MAX_NODES)
    expect(new Set(HashRing.of(nodes, 1).ownersOf('alice', MAX_NODES))).toEqual(new Set(nodes))
    expect(() => HashRing.of(nodesOf(MAX_NODES + 1), 1)).toThrow(RangeError)
  })

  test('the default is within them', () => {
    expect(DEFAULT_VIRTUAL_NODES).toBeLessThanOrEqual(MAX_VIRTUAL_NODES)
  })
})
