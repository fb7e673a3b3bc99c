/** What happened to connections, as plain numbers: whoever wants to know reads them. */
import { FixedHistogram } from '../fixed-histogram.js'
import { CloseCode } from '../protocol/close-codes.js'

export class TransportCounters {
  /** Connections that were taken. */
  accepted = 0
  /** Connections above the limit, which were told so, */
  refused = 0
  /** or of which there were too many to be told. */
  refusedUntold = 0
  /** Ends by the code that was sent; `undefined`: the client was gone without one. */
  readonly closes = new Map<CloseCode | undefined, number>([
    ...Object.values(CloseCode).map((code): [CloseCode, number] => [code, 0]),
    [undefined, 0],
  ])
  /** Seconds from the connection to AUTH_OK or RESUMED, or to WELCOME where nobody logs in. */
  readonly handshakes = new FixedHistogram()
  bytesReceived = 0
  /** Frames with a packet that could be read. */
  framesReceived = 0
  /** Connections that are not read at the moment: of each enough is in hand. */
  held = 0
  /** Times that one sent too fast to be read on. */
  paced = 0
  pings = 0
  /** Sockets that lingered after CLOSE for as long as they may. */
  cutSockets = 0
  /** Connections there were when the drain began; `undefined`: none has. */
  drainedConnections: number | undefined
  /** Connections of it whose requests in flight had no more time. */
  cutInDrain = 0

  closed(code: CloseCode | undefined): void {
    this.closes.set(code, (this.closes.get(code) ?? 0) + 1)
  }
}

/**
 * What went out through the outboxes of one flusher, and what is still in them. The one thing that is counted for each
 * recipient: 3 ns more where queueing took 14, and the kernel's `send` takes 10 µs.
 */
export class OutgoingCounters {
  /** Times that a socket was handed something. */
  writes = 0
  frames = 0
  bytes = 0
  /** Queued, and not handed to a socket yet. */
  waitingBytes = 0

  written(frames: number, bytes: number): void {
    this.writes += 1
    this.frames += frames
    this.bytes += bytes
  }
}
