import { Injectable } from '@nestjs/common'
import { errorCodeName } from '../protocol/error-codes.js'
import { NestwireServer } from '../transport/nestwire-server.js'
import type { PatternCounters } from '../transport/request-counters.js'
import { MetricSet, type Labelled } from './metric-set.js'

/** Of patterns that have a handler, and `other` for all else that clients ask for. */
@Injectable()
export class RequestMetrics {
  constructor(set: MetricSet, { requests }: NestwireServer) {
    set.gauge('nestwire_requests_in_flight', 'Requests that are being handled.', () => requests.inFlight)
    set.counters('nestwire_requests_total', 'Requests and events.', {
      labelNames: ['pattern'],
      read: () => each(requests, ({ count }) => count),
    })
    set.histograms('nestwire_request_seconds', 'From a request until its answer is queued, or nobody waits for it.', {
      labelNames: ['pattern'],
      read: () => each(requests, ({ seconds }) => seconds),
    })
    set.counters('nestwire_request_errors_total', 'Requests answered with ERROR.', {
      labelNames: ['pattern', 'code'],
      *read() {
        for (const [pattern, { errors }] of requests) {
          for (const [code, figure] of errors) yield { labels: { pattern, code: errorCodeName(code) }, figure }
        }
      },
    })
  }
}

function* each<Figure>(
  requests: Iterable<readonly [string, PatternCounters]>,
  figureOf: (counters: PatternCounters) => Figure,
): Iterable<Labelled<Figure>> {
  for (const [pattern, counters] of requests) yield { labels: { pattern }, figure: figureOf(counters) }
}
