import { Controller, Get, Inject } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { SHARING } from '../log/room-log.token.js'
import type { Sharing } from '../log/sharing.js'
import { NodeDirectory, type NodeState } from './node-directory.js'

interface NodeView {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly state: NodeState
  readonly connections: number
  /** Since this node heard of it last. */
  readonly ageMs: number
}

export type ClusterView =
  | { readonly kind: 'alone' }
  | {
      readonly kind: 'cluster'
      readonly name: string
      readonly routing: 'redirect' | 'accept'
      /** `up`, or why NATS cannot be used. */
      readonly nats: string
      /** Id of the node that answers; absent before it listens. */
      readonly self?: string | undefined
      readonly nodes: readonly NodeView[]
    }

@Controller('cluster')
export class ClusterViewController {
  constructor(
    private readonly directory: NodeDirectory,
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(SHARING) private readonly sharing: Sharing,
  ) {}

  /** The cluster as this node sees it, for operators: the nodes that are silent, too. */
  @Get()
  view(): ClusterView {
    if (this.sharing.kind === 'alone') return { kind: 'alone' }
    const { name, routing } = this.settings.current.cluster
    const nats = this.sharing.link.fault() ?? 'up'
    const nowMs = this.clock.uptimeMs()
    const nodes = this.directory.nodes.map(({ id, name: called, address, state, connections, heardAtMs }) => {
      return { id, name: called, address, state, connections, ageMs: nowMs - heardAtMs }
    })
    return { kind: 'cluster', name, routing, nats, self: this.directory.own?.id, nodes }
  }
}
