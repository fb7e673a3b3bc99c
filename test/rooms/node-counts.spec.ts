import { describe, expect, test } from 'vitest'
import { parseNodeId, type NodeId } from '../../src/cluster/node-id.js'
import { GONE_AFTER_MS, MAX_NODES, NodeCounts } from '../../src/rooms/node-counts.js'
import type { News } from '../../src/rooms/presence-news.js'
import { roomId } from '../delivery/names.js'

function nodeId(text: string): NodeId {
  const node = parseNodeId(text)
  if (node === undefined) throw new Error(`${text} is no node id`)
  return node
}

const [a, b] = [nodeId('a'), nodeId('b')]
const [lobby, attic] = [roomId('lobby'), roomId('attic')]
const news = (number: number, counts: News['counts'] = [], isWhole = false): News => ({
  kind: 'news',
  number,
  isWhole,
  counts,
})
const whole = (number: number, counts: News['counts'] = []): News => news(number, counts, true)

describe('counts of other nodes', () => {
  test('add up', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    others.hear(b, whole(7, [[lobby, 4]]), 0)
    expect([others.of(lobby), others.of(attic)]).toEqual([7, 0])
  })

  test('follow what changed', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    const { rooms } = others.hear(
      a,
      news(1, [
        [lobby, 0],
        [attic, 2],
      ]),
      0,
    )
    expect([...rooms]).toEqual([lobby, attic])
    expect([others.of(lobby), others.of(attic)]).toEqual([0, 2])
  })

  test('are forgotten where a node tells everything and does not name them', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    const { rooms } = others.hear(a, whole(1, [[attic, 1]]), 0)
    expect([...rooms]).toEqual([lobby, attic])
    expect([others.of(lobby), others.of(attic)]).toEqual([0, 1])
  })

  test('go with their node when it stops', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    others.hear(b, whole(0, [[lobby, 4]]), 0)
    expect([...others.remove(a)]).toEqual([lobby])
    expect(others.of(lobby)).toBe(4)
  })
})

describe('a node that is silent', () => {
  test('counts until its time is over, and no longer', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    expect([...others.expire(GONE_AFTER_MS - 1)]).toEqual([])
    expect(others.of(lobby)).toBe(3)
    expect([...others.expire(GONE_AFTER_MS)]).toEqual([lobby])
    expect(others.of(lobby)).toBe(0)
  })

  test('counts while it says that nothing changed', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    others.hear(a, news(1), GONE_AFTER_MS - 1)
    others.expire(GONE_AFTER_MS + 1)
    expect(others.of(lobby)).toBe(3)
  })

  test('is excused for the time in which nobody could be heard', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    others.excuse(60_000)
    expect([...others.expire(60_000 + GONE_AFTER_MS - 1)]).toEqual([])
    expect([...others.expire(60_000 + GONE_AFTER_MS)]).toEqual([lobby])
  })
})

describe('news with a hole', () => {
  test('change nothing and make the node be asked', () => {
    const others = new NodeCounts()
    others.hear(a, whole(0, [[lobby, 3]]), 0)
    expect(others.hear(a, news(2, [[lobby, 9]]), 0)).toEqual({ rooms: [], isToBeAsked: true })
    // What follows the hole is no better, until it tells everything.
    expect(others.hear(a, news(3, [[lobby, 10]]), 0)).toEqual({ rooms: [], isToBeAsked: false })
    expect(others.of(lobby)).toBe(3)
    others.hear(a, whole(4, [[lobby, 11]]), 0)
    others.hear(a, news(5, [[attic, 1]]), 0)
    expect([others.of(lobby), others.of(attic)]).toEqual([11, 1])
  })

  test('of a node nobody knows are the same', () => {
    const others = new NodeCounts()
    expect(others.hear(a, news(5, [[lobby, 9]]), 0)).toEqual({ rooms: [], isToBeAsked: true })
    expect(others.of(lobby)).toBe(0)
  })

  test('make it be asked once in two seconds', () => {
    const others = new NodeCounts()
    const asked = [0, 1_999, 2_000, 3_999, 4_000].map(
      (nowMs, number) => others.hear(a, news(number + 1), nowMs).isToBeAsked,
    )
    expect(asked).toEqual([true, false, true, false, true])
  })
})

test('of more nodes than a cluster can have the last is not counted', () => {
  const others = new NodeCounts()
  for (let index = 0; index <= MAX_NODES; index += 1) others.hear(nodeId(`n${index}`), whole(0, [[lobby, 1]]), 0)
  expect(others.of(lobby)).toBe(MAX_NODES)
  others.remove(a)
  others.remove(nodeId('n0'))
  others.hear(a, whole(0, [[lobby, 1]]), 0)
  expect(others.of(lobby)).toBe(MAX_NODES)
})
