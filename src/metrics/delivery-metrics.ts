import { Injectable } from '@nestjs/common'
import { BackpressureRouter, type LaneLoad } from '../delivery/backpressure-router.js'
import { byField, MetricSet } from './metric-set.js'

const LANES = ['high', 'normal', 'low'] as const

/** What is published, what of it waits, and what became of it. */
@Injectable()
export class DeliveryMetrics {
  constructor(set: MetricSet, router: BackpressureRouter) {
    const { counters } = router
    set.counters('nestwire_publishes_total', 'Records logged, by the priority asked for; notice: joins and leaves.', {
      labelNames: ['priority'],
      read: () => byField('priority', counters.published),
    })
    set.counter('nestwire_published_bytes_total', 'Bytes of their bodies.', () => counters.publishedBytes)
    set.counter('nestwire_repeats_total', 'Messages that were in the log already.', () => counters.repeats)
    set.counter('nestwire_publishes_degraded_total', 'Normal messages put into the low lane.', () => counters.degraded)
    set.counters(
      'nestwire_publishes_refused_total',
      'Messages answered with BACKPRESSURE, by the priority asked for.',
      {
        labelNames: ['priority'],
        read: () => byField('priority', counters.refused),
      },
    )
    set.counter(
      'nestwire_publishes_waited_total',
      'High messages and notices that waited for room.',
      () => counters.waited,
    )
    set.gauge('nestwire_lanes_congested', '1 while normal is degraded and low refused.', () =>
      Number(router.status === 'congested'),
    )
    set.gauge(
      'nestwire_lanes_waiting_bytes',
      'Bytes of high messages and notices that wait for room.',
      () => router.waitingBytes,
    )
    set.gauge(
      'nestwire_appends_waiting',
      "Messages that are admitted and wait for their sender's turn at the log.",
      () => router.awaitingLog,
    )
    const lane = (name: string, help: string, figureOf: (load: LaneLoad) => number): void =>
      set.gauges(name, help, {
        labelNames: ['lane'],
        read: () => LANES.map((each) => ({ labels: { lane: each }, figure: figureOf(router.laneLoad(each)) })),
      })
    lane('nestwire_lane_bytes', 'Bytes admitted and not offered to the last live member.', ({ bytes }) => bytes)
    lane(
      'nestwire_lane_messages',
      'Messages admitted and not offered to the last live member.',
      ({ messages }) => messages,
    )
    lane('nestwire_lane_rooms', 'Rooms that have something to offer.', ({ rooms }) => rooms)
    set.counter(
      'nestwire_batches_total',
      'Batches that all live members of a room were offered.',
      () => counters.batches,
    )
    set.counter('nestwire_batched_messages_total', 'Messages in those.', () => counters.batchedRecords)
    set.counter('nestwire_deliveries_total', 'Messages times the members that got them.', () => counters.deliveries)
    set.histogram(
      'nestwire_delivery_lag_seconds',
      'From the log to the last live member of the room, for each message.',
      counters.lag,
    )
  }
}
