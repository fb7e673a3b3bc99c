import { MAX_HANDSHAKE_FRAME_BYTES } from '../protocol/constants.js'
import type { WireLimits } from '../protocol/packets.js'

/** Every bound of the transport, with its unit in its name. `docs/LIMITS.md` says what happens at each. */
export interface TransportLimits {
  readonly maxConnections: number
  /** Handshakes of TLS under way; the next waits, or takes the place of one that takes too long. */
  readonly maxTlsHandshakes: number
  /** Largest payload before authentication. */
  readonly maxHandshakeFrameBytes: number
  /** Largest payload after it, both ways. */
  readonly maxFrameBytes: number
  /** From accept to AUTH_OK (to WELCOME without authentication), TLS included. */
  readonly handshakeTimeoutMs: number
  /** From the first byte of a frame to its last. */
  readonly halfFrameTimeoutMs: number
  /** Silence after which the server sends PING. */
  readonly pingIntervalMs: number
  /** Silence after which it gives up. */
  readonly idleTimeoutMs: number
  /** Time in which a socket that takes no bytes must take some. */
  readonly writeStallTimeoutMs: number
  /** How long a closed socket may take to hang up before it is cut. */
  readonly closeLingerMs: number
  /** How long `close()` waits for requests in flight. */
  readonly drainTimeoutMs: number
  /** Frames queued for one connection: deliveries above it are refused, and from half of it on nothing is read. */
  readonly maxOutboxBytes: number
  /** Bytes sent to a client that it has not confirmed; deliveries above it wait in the log. */
  readonly confirmWindowBytes: number
  /** Values of reply streams queued for one connection; a source that outruns its reader further fails the stream. */
  readonly maxStreamBufferBytes: number
  /** Requests of one connection that are being handled; above it the socket is not read. */
  readonly maxInFlightRequests: number
  /** Read of one connection in a second, whatever they carry, unless it is a service's; above it the socket is not read. */
  readonly inboundFramesPerSecond: number
  /** The same in bytes, headers included. */
  readonly inboundBytesPerSecond: number
  /** Told to clients; enforced by the application. */
  readonly maxRoomsPerConnection: number
  /** Told to clients; enforced by the application. */
  readonly maxMessageBytes: number
}

/** Live limits: `current` is asked for at each use and never kept, so that a swap takes effect at once. */
export interface LimitsSource {
  readonly current: TransportLimits
  /** Calls `listener` with what was in force before, after each change; returns how to stop it. Absent: they never change. */
  readonly onChange?: (listener: (before: TransportLimits) => void) => () => void
}

/** Those that clients are told, by WELCOME and LIMITS. */
export const wireLimits = (limits: TransportLimits): WireLimits => ({
  maxFrameBytes: limits.maxFrameBytes,
  maxInFlightRequests: limits.maxInFlightRequests,
  maxRoomsPerConnection: limits.maxRoomsPerConnection,
  pingIntervalMs: limits.pingIntervalMs,
  idleTimeoutMs: limits.idleTimeoutMs,
  maxMessageBytes: limits.maxMessageBytes,
})

export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = {
  maxConnections: 19_000,
  maxTlsHandshakes: 512,
  maxHandshakeFrameBytes: MAX_HANDSHAKE_FRAME_BYTES,
  maxFrameBytes: 64 * 1024,
  handshakeTimeoutMs: 10_000,
  halfFrameTimeoutMs: 15_000,
  pingIntervalMs: 25_000,
  idleTimeoutMs: 60_000,
  writeStallTimeoutMs: 30_000,
  closeLingerMs: 2_000,
  drainTimeoutMs: 25_000,
  maxOutboxBytes: 1024 * 1024,
  confirmWindowBytes: 256 * 1024,
  maxStreamBufferBytes: 16 * 1024 * 1024,
  maxInFlightRequests: 1024,
  inboundFramesPerSecond: 60_000,
  inboundBytesPerSecond: 128 * 1024 * 1024,
  maxRoomsPerConnection: 128,
  maxMessageBytes: 32 * 1024,
}

/** Limits that never change, the defaults where not given. */
export const fixedLimits = (limits: Partial<TransportLimits> = {}): LimitsSource => ({
  current: { ...DEFAULT_TRANSPORT_LIMITS, ...limits },
})
