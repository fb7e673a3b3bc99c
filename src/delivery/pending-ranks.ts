/** Which lane a room belongs in follows from what of it waits; order inside the room is left alone. Pure. */
import type { Lane } from './admission.js'

/** How a record was let in. `degraded`: of normal urgency, and there was room only in the low lane. */
export type Rank = Lane | 'degraded'

export class PendingRanks {
  private readonly counts: Record<Rank, number> = { high: 0, normal: 0, degraded: 0, low: 0 }

  add(rank: Rank): void {
    this.counts[rank] += 1
  }

  remove(rank: Rank): void {
    this.counts[rank] -= 1
  }

  /** A high record lifts all that waits with it; without one a degraded record takes it down, and a low one does not. */
  get lane(): Lane {
    const { high, normal, degraded } = this.counts
    if (high > 0) return 'high'
    return normal > 0 && degraded === 0 ? 'normal' : 'low'
  }
}
