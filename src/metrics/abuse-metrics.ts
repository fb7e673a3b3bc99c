import { Injectable } from '@nestjs/common'
import { AbuseCounters } from '../abuse/abuse-counters.js'
import { NestwireServer } from '../transport/nestwire-server.js'
import { byField, MetricSet } from './metric-set.js'

@Injectable()
export class AbuseMetrics {
  constructor(set: MetricSet, counters: AbuseCounters, server: NestwireServer) {
    set.counters('nestwire_abuse_refused_total', 'What was refused to one address, user or connection.', {
      labelNames: ['reason'],
      read: () => byField('reason', counters.refused),
    })
    set.counter(
      'nestwire_auth_failures_total',
      'Tokens and tickets shown that nobody here has issued.',
      () => counters.authFailures,
    )
    set.counter(
      'nestwire_auth_backoffs_total',
      'Times that an address was backed off for them.',
      () => counters.backoffsBegun,
    )
    set.counter(
      'nestwire_auth_backoffs_lifted_total',
      'Back-offs that an administrator lifted.',
      () => counters.backoffsLifted,
    )
    set.counter(
      'nestwire_abuse_untracked_total',
      'Times that somebody passed unremembered, since all that is remembered matters more.',
      () => counters.untracked,
    )
    set.counter(
      'nestwire_connections_paced_total',
      'Times that a connection sent too fast to be read on.',
      () => server.counters.paced,
    )
  }
}
