/**
 * How much work fits a slice, learned from what an offer costs, write included; and how long a room waits before its next
 * batch. The kernel's `send` dominates, about 10 µs each, and only the machine knows how long it takes today.
 */

/**
 * Work is cut into slices of this length. A message in a small room waits for one at each of its steps (its socket is
 * read, its commit is heard of, its turn comes), so that three of them stay well below what people notice.
 */
const SLICE_MS = 2
/** A room waits this share of what its last fan-out cost, so that messages gather instead of going out one by one. */
const WINDOW_SHARE = 0.1
const MAX_WINDOW_MS = 2
/**
 * A room where few wait after many went waits longer, up to the cost of a fan-out, for the many to come back: publishers
 * with 64 messages in flight fell into step as 60 and 4, a fan-out for each (docs/decisions/0007-what-a-fan-out-costs.md).
 */
const MAX_THIN_WINDOW_MS = 8
/** Fan-outs cheaper than this wait for nothing: two people talking gain no time from batching. */
const FREE_MS = 0.5
const FIRST_OFFER_MS = 0.01
/** Weight of the newest slice in the average. */
const SMOOTHING = 0.2
/** Slices of fewer offers say little about the cost of one. */
const MEANINGFUL_OFFERS = 32
const MIN_OFFERS = 16

export class SliceTimer {
  private offerMs = FIRST_OFFER_MS
  private startMs = 0

  constructor(private readonly nowMs: () => number) {}

  get startedAtMs(): number {
    return this.startMs
  }

  /** Offers that are expected to fill a slice. */
  get maxOffers(): number {
    return Math.max(MIN_OFFERS, Math.floor(SLICE_MS / this.offerMs))
  }

  begin(): void {
    this.startMs = this.nowMs()
  }

  /** After the flush: `offers` were made and written in this slice. */
  end(offers: number): void {
    if (offers < MEANINGFUL_OFFERS) return
    const observedMs = (this.nowMs() - this.startMs) / offers
    this.offerMs += (observedMs - this.offerMs) * SMOOTHING
  }

  /** When a room whose batch took `offers` offers may start the next; `isThin`: much less waits than has just gone out. */
  notBefore(offers: number, isThin: boolean): number {
    const costMs = offers * this.offerMs
    if (costMs < FREE_MS) return 0
    return (
      this.nowMs() + (isThin ? Math.min(MAX_THIN_WINDOW_MS, costMs) : Math.min(MAX_WINDOW_MS, costMs * WINDOW_SHARE))
    )
  }
}
