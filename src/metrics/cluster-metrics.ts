import { Inject, Injectable } from '@nestjs/common'
import { ClusterRouter } from '../cluster/cluster-router.js'
import { NodeDirectory, type NodeState } from '../cluster/node-directory.js'
import { OwnNode } from '../cluster/own-node.js'
import type { LogEngine } from '../log/log-engine.js'
import { LOG_ENGINE } from '../log/room-log.token.js'
import { byField, MetricSet } from './metric-set.js'

/** Of a node that is one of several; alone there is nothing to say. */
@Injectable()
export class ClusterMetrics {
  constructor(
    set: MetricSet,
    directory: NodeDirectory,
    router: ClusterRouter,
    own: OwnNode,
    @Inject(LOG_ENGINE) { sharing, size }: LogEngine,
  ) {
    if (sharing.kind === 'alone') return
    const { link } = sharing
    set.gauge('nestwire_nats_up', '1 while there is a connection to NATS.', () => Number(link.fault() === undefined))
    set.counter('nestwire_nats_disconnects_total', 'Times that NATS was gone.', () => link.disconnects)
    set.histogram(
      'nestwire_nats_heartbeat_seconds',
      'Until NATS had stored the heartbeat of this node, once a second.',
      own.heartbeatSeconds,
    )
    set.gauges('nestwire_cluster_nodes', 'Nodes of the cluster as this one sees them.', {
      labelNames: ['state'],
      read: () => byField('state', countStates(directory)),
    })
    set.counter('nestwire_redirects_total', 'Users sent to the node they belong to.', () => router.redirectsSent)
    set.gauge(
      'nestwire_state_entries',
      'Entries of the state of the cluster in the memory of this node.',
      () => size().stateEntries ?? 0,
    )
  }
}

function countStates({ nodes }: NodeDirectory): Readonly<Record<NodeState, number>> {
  const counts: Record<NodeState, number> = { up: 0, draining: 0, silent: 0 }
  for (const { state } of nodes) counts[state] += 1
  return counts
}
