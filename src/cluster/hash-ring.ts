/**
 * Which node a key belongs to: every node has many points on a ring of 2^32, and a key belongs to the node of the first
 * point at or after its hash. Pure, and a value: never changes, knows neither addresses nor who is alive.
 *
 * The same nodes make the same ring, in whatever order and wherever. When a node comes or goes, keys move only to it or
 * from it. Point n of a node is `stableHash` of its id, `#` and n; where two nodes have the same point, the lesser id has it.
 */
import type { NodeId } from './node-id.js'
import { stableHash } from './stable-hash.js'

/** Points of a node: with half of them, one of 300 random rings of 10 gives a node more than 1.15 times the mean. */
export const DEFAULT_VIRTUAL_NODES = 1_024
export const MAX_VIRTUAL_NODES = 4_096
/** A ring of so many takes 6 MB with the default. */
export const MAX_NODES = 1_024

export class HashRing {
  private constructor(
    /** Each once, in the order of their names. */
    readonly nodes: readonly NodeId[],
    /** Ascending. */
    private readonly points: Uint32Array,
    /** The place in `nodes` of whom each point belongs to. */
    private readonly owners: Uint16Array,
  ) {}

  /** Throws a `RangeError` above `MAX_NODES`, and unless `virtualNodes` is a whole number from 1 to `MAX_VIRTUAL_NODES`. */
  static of(nodes: Iterable<NodeId>, virtualNodes: number = DEFAULT_VIRTUAL_NODES): HashRing {
    if (!Number.isInteger(virtualNodes) || virtualNodes < 1 || virtualNodes > MAX_VIRTUAL_NODES) {
      throw new RangeError(`${virtualNodes} virtual nodes: 1 to ${MAX_VIRTUAL_NODES} are possible`)
    }
    const names = [...new Set(nodes)].toSorted()
    if (names.length > MAX_NODES) throw new RangeError(`${names.length} nodes: 0 to ${MAX_NODES} are possible`)
    return HashRing.ofSorted(names, virtualNodes)
  }

  private static ofSorted(nodes: readonly NodeId[], virtualNodes: number): HashRing {
    // A point and its owner as one number: sorted without a comparison function, and equal points by the name of the owner.
    const marks = new Float64Array(nodes.length * virtualNodes)
    for (const [owner, node] of nodes.entries()) {
      for (let n = 0; n < virtualNodes; n += 1) {
        marks[owner * virtualNodes + n] = stableHash(`${node}#${n}`) * MAX_NODES + owner
      }
    }
    marks.sort()
    const [points, owners] = [new Uint32Array(marks.length), new Uint16Array(marks.length)]
    for (const [at, mark] of marks.entries()) {
      owners[at] = mark % MAX_NODES
      points[at] = Math.floor(mark / MAX_NODES)
    }
    return new HashRing(nodes, points, owners)
  }

  get size(): number {
    return this.nodes.length
  }

  /** `undefined` only if there are no nodes. */
  ownerOf(key: string): NodeId | undefined {
    return this.ownerAt(this.pointAfter(stableHash(key)))
  }

  /** The owner, and those who would be it if the ones before them were not there. Fewer than `count` if there are fewer nodes. */
  ownersOf(key: string, count: number): NodeId[] {
    const found = new Set<NodeId>()
    const wanted = Math.min(count, this.size)
    for (let at = this.pointAfter(stableHash(key)); found.size < wanted; at = (at + 1) % this.points.length) {
      const owner = this.ownerAt(at)
      if (owner !== undefined) found.add(owner)
    }
    return [...found]
  }

  private ownerAt(point: number): NodeId | undefined {
    return this.nodes[this.owners[point] ?? 0]
  }

  /** The index of the first point at or after `hash`; after the last one comes the first. */
  private pointAfter(hash: number): number {
    let [low, high] = [0, this.points.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.points[middle] ?? 0) < hash) low = middle + 1
      else high = middle
    }
    return low === this.points.length ? 0 : low
  }
}
