/** The nodes that a client is told, few enough for a frame and for its memory. */
import type { ListedNode } from './cluster.contract.js'
import type { KnownNode } from './node-directory.js'

export const MAX_LISTED_NODES = 64
/** In MessagePack: keys, numbers, an id of 73 bytes, a name of 64, an address of 261. */
const NODE_ENTRY_MAX_BYTES = 470
const REPLY_FRAME_BYTES = 64

interface Listing {
  readonly limit: number
  readonly ownId: string | undefined
}

export const nodesThatFit = (maxFrameBytes: number): number =>
  Math.min(MAX_LISTED_NODES, Math.floor((maxFrameBytes - REPLY_FRAME_BYTES) / NODE_ENTRY_MAX_BYTES))

/** Of more than `limit` another choice each time, so that callers spread over all. */
export function listedNodes(nodes: readonly KnownNode[], { limit, ownId }: Listing): readonly ListedNode[] {
  const chosen = nodes.length <= limit ? nodes : shuffled(nodes).slice(0, limit)
  return chosen.flatMap(({ id, name, address, state, connections }) =>
    state === 'silent' ? [] : [{ id, name, address, state, connections, isSelf: id === ownId }],
  )
}

const shuffled = <Item>(items: readonly Item[]): Item[] =>
  items
    .map((item) => ({ item, rank: Math.random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
