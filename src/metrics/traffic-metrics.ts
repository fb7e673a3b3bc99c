import { Injectable } from '@nestjs/common'
import { NestwireServer } from '../transport/nestwire-server.js'
import { TickFlusher } from '../transport/outbox.js'
import { MetricSet } from './metric-set.js'

@Injectable()
export class TrafficMetrics {
  constructor(set: MetricSet, { counters: received }: NestwireServer, { counters: sent }: TickFlusher) {
    set.counter('nestwire_received_bytes_total', 'Bytes read from sockets.', () => received.bytesReceived)
    set.counter('nestwire_received_frames_total', 'Frames with a packet read.', () => received.framesReceived)
    set.counter('nestwire_sent_bytes_total', 'Bytes handed to sockets.', () => sent.bytes)
    set.counter('nestwire_sent_frames_total', 'Frames handed to sockets.', () => sent.frames)
    set.counter('nestwire_socket_writes_total', 'Times that a socket was handed something.', () => sent.writes)
    set.gauge(
      'nestwire_outbox_bytes',
      'Bytes queued and not handed to a socket yet; for frames that many share, of each.',
      () => sent.waitingBytes,
    )
  }
}
