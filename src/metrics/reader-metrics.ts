import { Injectable } from '@nestjs/common'
import { BackpressureRouter } from '../delivery/backpressure-router.js'
import { RoomResumption } from '../rooms/room-resumption.service.js'
import { byField, MetricSet } from './metric-set.js'

/** Members that cannot read as fast as their rooms talk. Who is closed for it is among `closes_total`. */
@Injectable()
export class ReaderMetrics {
  constructor(set: MetricSet, router: BackpressureRouter, resumption: RoomResumption) {
    const { counters } = router
    set.gauge(
      'nestwire_members_lagging',
      'Connections that read on from the log in some room.',
      () => router.laggingConnections,
    )
    set.gauge(
      'nestwire_members_unread',
      'Members that wait for the log to be readable again.',
      () => router.unreadMembers,
    )
    set.counter('nestwire_members_fell_behind_total', 'Times that a member fell behind.', () => counters.fellBehind)
    set.counter('nestwire_members_caught_up_total', 'Times that one was live again.', () => counters.caughtUp)
    set.gauge('nestwire_catch_up_reads', 'Reads of the log for them that are under way.', () => router.catchUpReads)
    set.gauge('nestwire_catch_up_chunks', 'Chunks kept for others at the same place.', () => router.catchUpChunks)
    set.counters(
      'nestwire_gaps_total',
      'GAPs told: trimmed, the log had no more of it; resume, a position that does not count.',
      {
        labelNames: ['reason'],
        read: () => byField('reason', { trimmed: counters.gaps, resume: resumption.gaps }),
      },
    )
    set.counter(
      'nestwire_ephemerals_dropped_total',
      'Signals and presence that a slow member went without.',
      () => counters.ephemeralsDropped,
    )
    set.counter(
      'nestwire_feed_overflows_total',
      'Records left to be read from the log for want of room.',
      () => counters.feedOverflows,
    )
  }
}
