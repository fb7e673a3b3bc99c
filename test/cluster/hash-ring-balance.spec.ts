/** How even rings are, and what moves: over many rings of names as clusters have them, from one seed. */
import { describe, expect, test } from 'vitest'
import { DEFAULT_VIRTUAL_NODES, HashRing } from '../../src/cluster/hash-ring.js'
import type { NodeId } from '../../src/cluster/node-id.js'
import { maxOverMean, nodeId, randomNodes, ringShares } from '../support/ring-shares.js'
import { Random } from '../torture/random.js'

const SEED = 20_261_128
const NODES = 10
const MAX_OVER_MEAN = 1.15
const KEYS = Array.from({ length: 100_000 }, (_, at) => `user-${at}`)

function randomRings(count: number): NodeId[][] {
  const random = new Random(SEED)
  return Array.from({ length: count }, () => randomNodes(random, NODES))
}

const ownersIn = (nodes: readonly NodeId[]): (NodeId | undefined)[] => {
  const ring = HashRing.of(nodes)
  return KEYS.map((key) => ring.ownerOf(key))
}

/** Shares of the keys, in the order of the names. */
function keyShares(nodes: readonly NodeId[]): number[] {
  const keys = new Map(nodes.toSorted().map((node) => [node, 0]))
  for (const owner of ownersIn(nodes)) if (owner !== undefined) keys.set(owner, (keys.get(owner) ?? 0) + 1)
  return [...keys.values()].map((count) => count / KEYS.length)
}

describe('balance at ten nodes', () => {
  test('no arcs of 500 rings exceed the mean by 15 %', () => {
    const worst = Math.max(...randomRings(500).map((nodes) => maxOverMean(ringShares(nodes, DEFAULT_VIRTUAL_NODES))))
    expect(worst).toBeLessThanOrEqual(MAX_OVER_MEAN)
  })

  test('no share of 100,000 keys in 20 rings does', () => {
    for (const nodes of randomRings(20)) expect(maxOverMean(keyShares(nodes))).toBeLessThanOrEqual(MAX_OVER_MEAN)
  })

  test('keys fall as the arcs say', () => {
    for (const nodes of randomRings(5)) {
      const arcs = ringShares(nodes, DEFAULT_VIRTUAL_NODES)
      // Five standard deviations of a share of a tenth.
      for (const [at, share] of keyShares(nodes).entries())
        expect(Math.abs(share - (arcs[at] ?? 0))).toBeLessThan(0.005)
    }
  })
})

describe('movement at ten nodes', () => {
  const newcomer = nodeId('newcomer')

  test('a newcomer gets a tenth of the keys, and nobody else gets any', () => {
    for (const nodes of randomRings(10)) {
      const others = nodes.slice(1)
      const [before, after] = [ownersIn(others), ownersIn([...others, newcomer])]
      const moved = after.filter((owner, at) => owner !== before[at])
      expect(new Set(moved)).toEqual(new Set([newcomer]))
      expect(moved.length / KEYS.length).toBeLessThanOrEqual(1 / NODES + 0.02)
    }
  })

  test('who leaves takes along a tenth of the keys, and nobody else loses any', () => {
    for (const nodes of randomRings(10)) {
      const leaver = nodes[0]
      const [before, after] = [ownersIn(nodes), ownersIn(nodes.slice(1))]
      const moved = before.filter((owner, at) => owner !== after[at])
      expect(new Set(moved)).toEqual(new Set([leaver]))
      expect(moved.length / KEYS.length).toBeLessThanOrEqual(1 / NODES + 0.02)
    }
  })

  test('what a leaver had is spread over all who stay', () => {
    for (const nodes of randomRings(10)) {
      const [before, after] = [ownersIn(nodes), ownersIn(nodes.slice(1))]
      const heirs = after.filter((owner, at) => owner !== before[at])
      for (const node of nodes.slice(1)) {
        // A ninth of it each, if all were even.
        expect(heirs.filter((heir) => heir === node).length / heirs.length).toBeLessThan(0.2)
      }
    }
  })
})
