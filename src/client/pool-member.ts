/** One connection of a pool, with what it carries. */
import type { ClientConnection } from './client-connection.js'
import type { Loaded } from './least-loaded.js'
import type { Destination } from './server-list.js'

/**
 * Requests that are not used of those that a server takes at once: with all of them in flight it reads no CANCEL, which would
 * be the way to make room, and the question for the members of a cluster is one, too.
 */
const SPARE_REQUESTS = 2

export class PoolMember implements Loaded {
  load = 0
  inFlight = 0
  /** Clock uptime since when nothing is in flight. */
  idleSinceMs: number
  /** Its server takes nothing new, or soon will not. */
  isDraining = false
  /** New calls go elsewhere, those in flight end here. */
  isLeaving = false
  private isSpaceAwaited = false

  constructor(
    readonly connection: ClientConnection,
    readonly destination: Destination,
    nowMs: number,
  ) {
    this.idleSinceMs = nowMs
  }

  /** Its last calls fail before the pool hears that it is over: those who come behind them wait for another one. */
  get hasRoom(): boolean {
    const { closedBy, limits, isHalfFull } = this.connection
    const { maxInFlightRequests = Infinity } = limits
    return closedBy === undefined && !isHalfFull && this.inFlight < Math.max(1, maxInFlightRequests - SPARE_REQUESTS)
  }

  /** Calls `proceed` when more has been written, if that is what it has no room for; once for all who ask until then. */
  whenSpace(proceed: () => void): void {
    if (this.isSpaceAwaited || !this.connection.isHalfFull) return
    this.isSpaceAwaited = true
    void this.connection.whenRoom().then(() => {
      this.isSpaceAwaited = false
      proceed()
    })
  }
}
