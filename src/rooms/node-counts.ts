/**
 * How many members of each room the other nodes have connected, as they said. Pure. A node that has not been heard for
 * `GONE_AFTER_MS` counts no more; one whose news have a hole counts as before, until it has told everything anew.
 */
import type { NodeId } from '../cluster/node-id.js'
import type { RoomId } from '../protocol/ids.js'
import type { News } from './presence-news.js'

/** Of five news one may come. */
export const GONE_AFTER_MS = 10_000
const ASK_INTERVAL_MS = 2_000
export const MAX_NODES = 1_024

interface Node {
  readonly counts: Map<RoomId, number>
  /** Of the news that come next; `undefined` until it has told everything. */
  nextNumber: number | undefined
  heardAtMs: number
  askedAtMs: number
}

interface Heard {
  /** Rooms whose count may be another now. */
  readonly rooms: Iterable<RoomId>
  /** It must tell everything, and was not asked for it just now. */
  readonly isToBeAsked: boolean
}

const NOTHING: Heard = { rooms: [], isToBeAsked: false }

export class NodeCounts {
  private readonly nodes = new Map<NodeId, Node>()

  /** Members of the room that are connected elsewhere; one with devices on two nodes counts for each. */
  of(room: RoomId): number {
    let sum = 0
    for (const { counts } of this.nodes.values()) sum += counts.get(room) ?? 0
    return sum
  }

  hear(id: NodeId, { number, isWhole, counts }: News, nowMs: number): Heard {
    const node = this.nodes.get(id) ?? this.add(id, nowMs)
    if (node === undefined) return NOTHING
    node.heardAtMs = nowMs
    if (!isWhole && number !== node.nextNumber) return this.missed(node, nowMs)
    const before = isWhole ? [...node.counts.keys()] : []
    if (isWhole) node.counts.clear()
    node.nextNumber = number + 1
    for (const [room, online] of counts) {
      if (online > 0) node.counts.set(room, online)
      else node.counts.delete(room)
    }
    return { rooms: new Set([...before, ...counts.map(([room]) => room)]), isToBeAsked: false }
  }

  /** The node has stopped. Returns its rooms. */
  remove(id: NodeId): Iterable<RoomId> {
    const rooms = this.nodes.get(id)?.counts.keys() ?? []
    this.nodes.delete(id)
    return rooms
  }

  /** Returns the rooms of nodes that are gone. */
  expire(nowMs: number): Iterable<RoomId> {
    const gone = [...this.nodes].filter(([, { heardAtMs }]) => nowMs - heardAtMs >= GONE_AFTER_MS)
    return gone.flatMap(([id]) => [...this.remove(id)])
  }

  /** Nobody could be heard up to now: their silence tells nothing. */
  excuse(nowMs: number): void {
    for (const node of this.nodes.values()) node.heardAtMs = nowMs
  }

  private add(id: NodeId, nowMs: number): Node | undefined {
    if (this.nodes.size >= MAX_NODES) return undefined
    const node = { counts: new Map(), nextNumber: undefined, heardAtMs: nowMs, askedAtMs: -Infinity }
    this.nodes.set(id, node)
    return node
  }

  private missed(node: Node, nowMs: number): Heard {
    node.nextNumber = undefined
    if (nowMs - node.askedAtMs < ASK_INTERVAL_MS) return NOTHING
    node.askedAtMs = nowMs
    return { rooms: [], isToBeAsked: true }
  }
}
