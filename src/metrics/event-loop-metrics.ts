import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { FixedHistogram } from '../fixed-histogram.js'
import { MetricSet } from './metric-set.js'

const SECOND_MS = 1_000
/** The event loop is looked at this often, outside of JavaScript; what it tells is the delay on top of that. */
const RESOLUTION_MS = 10

/**
 * How late the event loop was at worst in each second. One figure a second and not since the last scrape: so it is right
 * whoever scrapes how often, and `rate` tells in which share of the seconds somebody had to wait.
 */
@Injectable()
export class EventLoopMetrics implements OnApplicationShutdown {
  private readonly delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  private readonly worst = new FixedHistogram()
  private readonly stop: () => void

  constructor(set: MetricSet, @Inject(CLOCK) clock: Clock) {
    this.delays.enable()
    this.stop = clock.every(SECOND_MS, () => this.look())
    set.histogram(
      'nestwire_event_loop_delay_seconds',
      'The longest delay of the event loop in each second.',
      this.worst,
    )
    set.counter(
      'nestwire_event_loop_active_seconds_total',
      'Time in which the event loop was at work.',
      () => performance.eventLoopUtilization().active / 1000,
    )
  }

  onApplicationShutdown(): void {
    this.stop()
    this.delays.disable()
  }

  private look(): void {
    this.worst.observe(Math.max(0, this.delays.max / 1e6 - RESOLUTION_MS) / 1000)
    this.delays.reset()
  }
}
