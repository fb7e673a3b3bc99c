import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { listedNodes, MAX_LISTED_NODES, nodesThatFit } from '../../src/cluster/listed-nodes.js'
import type { KnownNode } from '../../src/cluster/node-directory.js'
import { nodeEntry } from './node-entries.js'

const node = (id: string, over: Partial<KnownNode> = {}): KnownNode => ({
  ...nodeEntry('n'),
  id,
  state: 'up',
  heardAtMs: 0,
  ...over,
})
const many = (count: number): KnownNode[] => Array.from({ length: count }, (_, n) => node(`n-${n}`))

test('a list says which node answers', () => {
  const nodes = listedNodes([node('n-1'), node('n-2', { state: 'draining', connections: 3 })], {
    limit: 9,
    ownId: 'n-2',
  })
  const common = { name: 'n', address: 'n.example.org:7420' }
  expect(nodes).toEqual([
    { id: 'n-1', ...common, state: 'up', connections: 0, isSelf: false },
    { id: 'n-2', ...common, state: 'draining', connections: 3, isSelf: true },
  ])
})

test('as many as the limit are told in their order, of one more each time some', () => {
  const limit = MAX_LISTED_NODES
  expect(listedNodes(many(limit), { limit, ownId: undefined }).map(({ id }) => id)).toEqual(
    many(limit).map(({ id }) => id),
  )
  const some = listedNodes(many(limit + 1), { limit, ownId: undefined })
  expect(new Set(some.map(({ id }) => id)).size).toBe(limit)
})

test('nodes with the longest names fit the frame', () => {
  const longest = nodeEntry('n'.repeat(64), { address: `${'h'.repeat(253)}:65535`, connections: 2 ** 32 - 1 })
  const nodes = Array.from({ length: MAX_LISTED_NODES }, (_, n) => ({
    ...node(`${'n'.repeat(70)}${n + 100}`),
    ...longest,
    state: 'draining' as const,
  }))
  for (const maxFrameBytes of [4_096, 16_384, 65_536]) {
    const limit = nodesThatFit(maxFrameBytes)
    const bytes = encodeBody({ nodes: listedNodes(nodes, { limit, ownId: undefined }) }).length
    expect(bytes).toBeLessThanOrEqual(maxFrameBytes - 64)
    expect(limit).toBeGreaterThanOrEqual(8)
  }
})
