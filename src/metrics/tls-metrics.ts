import { Injectable } from '@nestjs/common'
import { NestwireServer } from '../transport/nestwire-server.js'
import { byField, MetricSet } from './metric-set.js'

/** All zero where nobody speaks TLS. */
@Injectable()
export class TlsMetrics {
  constructor(set: MetricSet, server: NestwireServer) {
    const { tlsCounters } = server
    set.gauge(
      'nestwire_tls_handshakes_under_way',
      'TLS handshakes that have begun and are not over.',
      () => tlsCounters.underWay,
    )
    set.counters('nestwire_tls_handshakes_total', 'TLS handshakes that are over, by what came of them.', {
      labelNames: ['outcome'],
      read: () => {
        const { secured, resumed, failed, timedOut, gaveWay, plainText } = tlsCounters
        return byField('outcome', {
          full: secured - resumed,
          resumed,
          failed,
          timed_out: timedOut,
          gave_way: gaveWay,
          plain_text: plainText,
        })
      },
    })
    set.counter(
      'nestwire_tls_certificates_refused_total',
      'Connections closed for their client certificate, or for having none.',
      () => tlsCounters.certificatesRefused,
    )
    set.gauges(
      'nestwire_tls_certificate_end_time_seconds',
      'When the certificate of this server ends, in Unix seconds.',
      {
        labelNames: [],
        read: () => {
          const { tlsCertificateEndsAtMs } = server
          return tlsCertificateEndsAtMs === undefined ? [] : [{ labels: {}, figure: tlsCertificateEndsAtMs / 1_000 }]
        },
      },
    )
  }
}
