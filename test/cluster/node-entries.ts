/** Nodes as tests need them. */
import type { NodeEntry } from '../../src/cluster/node-entry.js'
import { parseNodeId, type NodeId } from '../../src/cluster/node-id.js'

export function nodeName(text: string): NodeId {
  const name = parseNodeId(text)
  if (name === undefined) throw new RangeError(`no name of a node: ${text}`)
  return name
}

export const nodeEntry = (name: string, over: Partial<Omit<NodeEntry, 'name'>> = {}): NodeEntry => ({
  name: nodeName(name),
  address: `${name}.example.org:7420`,
  epochMs: 1_700_000_000_000,
  beats: 0,
  connections: 0,
  isDraining: false,
  ...over,
})
