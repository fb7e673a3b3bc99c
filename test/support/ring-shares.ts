/** How much of the ring each node has, exactly, from the arcs before its points; and names to make rings of. */
import { parseNodeId, type NodeId } from '../../src/cluster/node-id.js'
import { stableHash } from '../../src/cluster/stable-hash.js'
import type { Random } from '../torture/random.js'

const CIRCLE = 2 ** 32

/** Shares of 1, in the order of the names. */
export function ringShares(nodes: readonly NodeId[], virtualNodes: number): number[] {
  const names = nodes.toSorted()
  const marks = new Float64Array(names.length * virtualNodes)
  for (const [owner, name] of names.entries()) {
    for (let n = 0; n < virtualNodes; n += 1) {
      marks[owner * virtualNodes + n] = stableHash(`${name}#${n}`) * names.length + owner
    }
  }
  marks.sort()
  const shares = names.map(() => 0)
  let before = Math.floor((marks.at(-1) ?? 0) / names.length) - CIRCLE
  for (const mark of marks) {
    const [owner, point] = [mark % names.length, Math.floor(mark / names.length)]
    shares[owner] = (shares[owner] ?? 0) + (point - before) / CIRCLE
    before = point
  }
  return shares
}

/** 1: all have the same. */
export const maxOverMean = (shares: readonly number[]): number =>
  (Math.max(...shares) * shares.length) / shares.reduce((sum, share) => sum + share, 0)

export function nodeId(text: string): NodeId {
  const id = parseNodeId(text)
  if (id === undefined) throw new Error(`${text} is no name of a node`)
  return id
}

/** Names as clusters have them: one stem, and a number or eight hexadecimal digits each. */
export function randomNodes(random: Random, count: number): NodeId[] {
  const stem = random.pick(['node', 'nestwire', 'chat-eu-west-1', 'n', 'ip-10-0-3'])
  const first = random.whole(0, 9_999)
  return random.chance(0.5)
    ? Array.from({ length: count }, (_, at) => nodeId(`${stem}-${first + at}`))
    : Array.from({ length: count }, () => nodeId(`${stem}-${random.bytes(4).toString('hex')}`))
}
