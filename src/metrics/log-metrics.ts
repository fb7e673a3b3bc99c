import { Inject, Injectable } from '@nestjs/common'
import type { LogEngine } from '../log/log-engine.js'
import { LOG_ENGINE } from '../log/room-log.token.js'
import { MetricSet } from './metric-set.js'

@Injectable()
export class LogMetrics {
  constructor(set: MetricSet, @Inject(LOG_ENGINE) { log, counters, size }: LogEngine) {
    set.gauge('nestwire_log_up', '1 while messages can be stored.', () => Number(log.fault() === undefined))
    set.histogram('nestwire_log_append_seconds', 'Until an append was committed.', counters.appendSeconds)
    set.histogram('nestwire_log_commit_seconds', 'One commit of the log of a lone server.', counters.commitSeconds)
    set.histogram('nestwire_log_commit_writes', 'Records and other changes in one commit.', counters.commitWrites)
    set.counter('nestwire_log_commit_failures_total', 'Commits that failed.', () => counters.commitFailures)
    set.counter('nestwire_log_records_forgotten_total', 'Records removed from the log.', () => counters.forgotten)
    set.gauge('nestwire_recent_ids', 'Messages whose repeats are known.', () => size().recentIds)
    // What the log of a cluster holds only NATS knows.
    if (size().bytes === undefined) return
    set.gauge('nestwire_log_bytes', 'Bytes of records kept.', () => size().bytes ?? 0)
    set.gauge('nestwire_log_max_bytes', 'Bytes of records that may be kept.', () => size().maxBytes ?? 0)
  }
}
