import type { Clock } from '../clock.js'
import type { CloseCode } from '../protocol/close-codes.js'
import type { Packet } from '../protocol/packets.js'
import type { Connection } from './connection.js'
import type { TickFlusher } from './outbox.js'
import type { RequestCounters } from './request-counters.js'
import type { TimerWheel } from './timer-wheel.js'
import type { TransportCounters } from './transport-counters.js'
import type { LimitsSource } from './transport-limits.js'
import type { TurnShare } from './turn-share.js'

/** The packets a connection does not deal with itself. */
export type DispatchedPacket = Extract<
  Packet,
  { kind: 'auth' | 'resume' | 'request' | 'event' | 'cancel' | 'join' | 'publish' }
>

/** What all connections of a server share, and whom they tell. */
export interface ConnectionHost {
  readonly limits: LimitsSource
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly flusher: TickFlusher
  readonly turns: TurnShare
  readonly counters: TransportCounters
  readonly requests: RequestCounters
  readonly authentication: 'none' | 'token'
  /** Bits of `Feature`. */
  readonly offeredFeatures: number
  dispatch(connection: Connection, packet: DispatchedPacket): void
  /** It has said something for the first time; may be told more than once. */
  connectionSpoke(connection: Connection): void
  /** AUTH_OK or RESUMED is queued: whatever is offered from now on comes behind it. */
  connectionActive(connection: Connection): void
  /** The answer to a PING with that correlation. */
  connectionPonged(connection: Connection, correlation: number): void
  /** The connection will take and give no more packets; called once, before its socket is gone. */
  connectionClosed(connection: Connection, code: CloseCode | undefined, reason: string): void
  /** A bug ended it. */
  connectionFailed(connection: Connection, error: unknown): void
  /** A delivery was refused, and there is room again. */
  connectionWritable(connection: Connection): void
  /** Where the client goes when the server drains, `host:port`; empty: to the same address. */
  drainTargetOf(connection: Connection): string
  /** The socket is gone; called once, last. */
  connectionGone(connection: Connection): void
}
