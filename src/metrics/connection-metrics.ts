import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { closeCodeName } from '../protocol/close-codes.js'
import { NestwireServer } from '../transport/nestwire-server.js'
import { byField, MetricSet } from './metric-set.js'

@Injectable()
export class ConnectionMetrics {
  constructor(set: MetricSet, server: NestwireServer, settings: Settings) {
    const { counters } = server
    set.gauge(
      'nestwire_connections',
      'Sockets there are, those still hanging up included.',
      () => server.connectionCount,
    )
    set.gauge('nestwire_connections_max', 'Connections there may be.', () => settings.current.transport.maxConnections)
    set.gauge(
      'nestwire_connections_held',
      'Connections that are not read until some of their work is done.',
      () => counters.held,
    )
    set.counter('nestwire_connections_accepted_total', 'Connections taken.', () => counters.accepted)
    set.counters('nestwire_connections_refused_total', 'Connections refused: told so with CLOSE, or cut.', {
      labelNames: ['reason'],
      read: () => byField('reason', { full: counters.refused, cut: counters.refusedUntold }),
    })
    set.counters(
      'nestwire_closes_total',
      'Connections that ended, by the code that was sent; none: the client was gone.',
      {
        labelNames: ['code'],
        *read() {
          for (const [code, figure] of counters.closes) {
            yield { labels: { code: code === undefined ? 'none' : closeCodeName(code) }, figure }
          }
        },
      },
    )
    set.histogram('nestwire_handshake_seconds', 'From the connection until it is logged in.', counters.handshakes)
    set.counter('nestwire_pings_total', 'PINGs sent to silent clients.', () => counters.pings)
    set.counter(
      'nestwire_sockets_cut_total',
      'Sockets cut because they lingered after CLOSE.',
      () => counters.cutSockets,
    )
    set.gauge('nestwire_draining', '1 while the server is going away.', () =>
      Number(counters.drainedConnections !== undefined),
    )
    set.gauge(
      'nestwire_drain_connections',
      'Connections there were when the drain began.',
      () => counters.drainedConnections ?? 0,
    )
    set.counter(
      'nestwire_drain_cut_total',
      'Connections whose requests did not end in the time of the drain.',
      () => counters.cutInDrain,
    )
  }
}
