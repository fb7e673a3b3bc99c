import type { X509Certificate } from 'node:crypto'
import type { ConnectionId } from '../protocol/ids.js'
import type { CloseCode } from '../protocol/close-codes.js'
import type { Grant, Principal } from './authentication.js'
import type { ConnectionFigures } from './connection-figures.js'

/** `queued`: it will leave with this tick's write. `full`: over `maxOutboxBytes`, nothing was queued. `closed`: too late. */
export type OfferVerdict = 'queued' | 'full' | 'closed'

/** What an application may know of and do with one connection. */
export interface ConnectionHandle {
  readonly id: ConnectionId
  readonly remoteAddress: string
  /** What the client has shown at the handshake of TLS, if that was asked for and found good; the same for its whole life. */
  readonly clientCertificate: X509Certificate | undefined
  /** Bits of `Feature` that WELCOME agreed on. */
  readonly features: number
  /** `undefined` before AUTH_OK, and always with authentication `'none'`. */
  readonly grant: Grant | undefined
  readonly principal: Principal | undefined
  /** AUTH_OK or RESUMED is queued, or there is no authentication: what is offered comes behind it. Stays so while draining. */
  readonly isActive: boolean
  /** It has ended, or is about to: nothing that is offered will be sent. */
  readonly isClosed: boolean
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number
  /** Anew at each call; for those who watch. */
  readonly figures: ConnectionFigures
  /** Authenticates the connection (first AUTH) or refreshes it; the user of a refresh must be the same. */
  admit(grant: Grant): void
  /** Queues one whole frame. The buffer may be shared with other connections and must not change any more. */
  offer(frame: Buffer): OfferVerdict
  /**
   * Queues a frame of a room, like `offer`, but only within `confirmWindowBytes` of what the client has confirmed.
   * After `full` the observers hear `connectionWritable` once half of that is free again.
   */
  deliver(frame: Buffer): OfferVerdict
  /** Like `deliver`, for what is not worth waiting for: after `full` no news of room follows. */
  deliverOrDrop(frame: Buffer): OfferVerdict
  /** True while half of the window is free; if not, the observers hear `connectionWritable` once it is. */
  readyToDeliver(): boolean
  /**
   * Calls `proceed` once: now if at most a quarter of `maxOutboxBytes` waits (or `maxStreamBufferBytes`, if that is less), else when
   * that is so again or the connection is over, in turn with others who wait, 128 of them in one turn of the event loop.
   * Returns how to give up.
   */
  whenRoom(proceed: () => void): () => void
  /** Sends CLOSE with the code, then ends the connection. Idempotent. */
  close(code: CloseCode, message: string, retryAfterMs?: number): void
  /** The same with `BelongsElsewhere`: the client goes on at `target`, `host:port`. */
  redirect(target: string): void
}

/** Hears what happens to connections, for work outside the transport. */
export interface ConnectionObserver {
  /** AUTH_OK or RESUMED is queued: whatever is offered from now on comes behind it. */
  connectionActive?(connection: ConnectionHandle): void
  /** The client has read everything up to the PING with that correlation. */
  connectionPonged?(connection: ConnectionHandle, correlation: number): void
  /** The connection is over, however it ended; told exactly once. */
  connectionClosed?(connection: ConnectionHandle): void
  /** A delivery was refused as `full`, and there is room again. */
  connectionWritable?(connection: ConnectionHandle): void
}
