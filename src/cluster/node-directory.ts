/**
 * All nodes that have told of themselves, and who of them is up. Pure: takes what was heard and when.
 *
 * Silence is counted in heartbeats of this node's own that came back from the bucket, one a second: whoever changed nothing
 * while five of them passed is not up. So nobody is judged while this node hears nothing, be NATS away or the process frozen,
 * and what it missed meanwhile comes before its own next heartbeat.
 */
import { HashRing, MAX_NODES } from './hash-ring.js'
import type { NodeEntry } from './node-entry.js'
import type { NodeId } from './node-id.js'

export const NODE_TIMEOUT_BEATS = 5
/** A node that is silent for so long is forgotten by all. */
export const FORGET_AFTER_BEATS = 60

/** `silent`: not up. */
export type NodeState = 'up' | 'draining' | 'silent'

export interface KnownNode extends NodeEntry {
  /** Of this incarnation: another one after a restart. */
  readonly id: string
  readonly state: NodeState
  /** When its last change was heard, by the uptime clock of this node. */
  readonly heardAtMs: number
}

interface Heard {
  readonly id: string
  entry: NodeEntry
  heardAtMs: number
  silentBeats: number
}

/** Where users belong at the moment: nodes that are up and not draining. */
export interface Placement {
  readonly ring: HashRing
  readonly nodes: ReadonlyMap<NodeId, KnownNode>
}

export class NodeDirectory {
  private readonly heard = new Map<string, Heard>()
  private ownId: string | undefined
  /** Made anew at the first look after somebody came or went: what comes and goes in one moment costs one ring. */
  private current: Placement | undefined

  get own(): KnownNode | undefined {
    return this.get(this.ownId ?? '')
  }

  get(id: string): KnownNode | undefined {
    const heard = this.heard.get(id)
    return heard === undefined ? undefined : known(heard)
  }

  /** By name. */
  get nodes(): readonly KnownNode[] {
    const nodes = Array.from(this.heard.values(), known)
    return nodes.toSorted((a, b) => (a.name === b.name ? a.epochMs - b.epochMs : a.name < b.name ? -1 : 1))
  }

  get placement(): Placement {
    this.current ??= this.place()
    return this.current
  }

  /** This node tells of itself; it is up for itself whatever becomes of that. */
  tell(id: string, entry: NodeEntry, nowMs: number): void {
    this.ownId = id
    this.take(id, entry, nowMs)
  }

  /** An entry was read or has changed. Those of this node are the clock for all others. */
  hear(id: string, entry: NodeEntry, nowMs: number): void {
    if (id === this.ownId) this.countBeat()
    else this.take(id, entry, nowMs)
  }

  /** Its entry is gone. */
  forget(id: string): void {
    if (id !== this.ownId && this.heard.delete(id)) this.current = undefined
  }

  /** A node that is up goes unused, since a newer one has its name. */
  isDoubled(id: string): boolean {
    const heard = this.heard.get(id)
    return heard !== undefined && stateOf(heard) === 'up' && this.placement.nodes.get(heard.entry.name)?.id !== id
  }

  /** Ids of those whose entries should go. */
  get lost(): readonly string[] {
    return [...this.heard.values()].filter(({ silentBeats }) => silentBeats >= FORGET_AFTER_BEATS).map(({ id }) => id)
  }

  private take(id: string, entry: NodeEntry, nowMs: number): void {
    const heard = this.heard.get(id)
    const before = heard === undefined ? undefined : stateOf(heard)
    const next: Heard = { id, entry, heardAtMs: nowMs, silentBeats: 0 }
    this.heard.set(id, next)
    if (before !== stateOf(next)) this.current = undefined
  }

  private countBeat(): void {
    for (const heard of this.heard.values()) {
      if (heard.id === this.ownId) continue
      heard.silentBeats += 1
      if (heard.silentBeats === NODE_TIMEOUT_BEATS) this.current = undefined
    }
  }

  private place(): Placement {
    const byName = new Map<NodeId, KnownNode>()
    for (const node of this.nodes) if (node.state === 'up') byName.set(node.name, node)
    // All nodes leave out the same ones, who take whoever comes to them and are sent nobody.
    const names = [...byName.keys()].slice(0, MAX_NODES)
    return { ring: HashRing.of(names), nodes: byName }
  }
}

const stateOf = ({ entry, silentBeats }: Heard): NodeState =>
  silentBeats >= NODE_TIMEOUT_BEATS ? 'silent' : entry.isDraining ? 'draining' : 'up'

const known = (heard: Heard): KnownNode => ({
  ...heard.entry,
  id: heard.id,
  state: stateOf(heard),
  heardAtMs: heard.heardAtMs,
})
