/**
 * How much work fits a slice, learned from what an offer costs, write included; and how long a room waits before its next
 * batch. The kernel's `send` dominates, about 10 µs each, and only the machine knows how long it takes today.
 */

/**
 * Work is cut into slices of this length. A message in a small room waits for one at each of its steps (its socket is
 * read, its commit is heard of, its turn comes). Shorter ones cost nothing that could be measured down to 0.25 ms, 2 ms
 * doubled what others wait (docs/decisions/0004-rooms-in-lanes-positions-for-members.md).
 */
export const SLICE_MS = 0.5
/**
 * While slices leave work for the next and the event loop takes longer than this for all else in between, as in a flood of
 * requests, a slice takes this share of what is above. Else a flood of joins, 20 ms a turn, left deliveries a fortieth of the time.
 */
const LONG_TURN_MS = 8
const SHARE_OF_LONG_TURN = 0.5
const MAX_SLICE_MS = 4
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
/**
 * Of fewer offers a slice says little about the cost of one, since what it costs itself is in it: it weighs less by the
 * square. But all count, or slices that became short stayed short.
 */
const MEANINGFUL_OFFERS = 32
/** A slice in which the machine did something else for a while counts as at most so many times the average. */
const MAX_SURPRISE = 4
const MIN_OFFERS = 16

export class SliceTimer {
  private offerMs = FIRST_OFFER_MS
  private startMs = 0
  private endMs = 0
  private sliceMs = SLICE_MS

  constructor(private readonly nowMs: () => number) {}

  get startedAtMs(): number {
    return this.startMs
  }

  /** Offers that are expected to fill a slice. */
  get maxOffers(): number {
    return Math.max(MIN_OFFERS, Math.floor(this.sliceMs / this.offerMs))
  }

  /** `isNext`: the one before has left work, and the event loop has done everything else once. */
  begin(isNext: boolean): void {
    this.startMs = this.nowMs()
    const othersMs = isNext ? this.startMs - this.endMs : 0
    this.sliceMs = Math.min(MAX_SLICE_MS, Math.max(SLICE_MS, (othersMs - LONG_TURN_MS) * SHARE_OF_LONG_TURN))
  }

  /** After the flush: `offers` were made and written in this slice. */
  end(offers: number): void {
    this.endMs = this.nowMs()
    if (offers === 0) return
    const observedMs = Math.min((this.endMs - this.startMs) / offers, this.offerMs * MAX_SURPRISE)
    const weight = SMOOTHING * Math.min(1, offers / MEANINGFUL_OFFERS) ** 2
    this.offerMs += (observedMs - this.offerMs) * weight
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
