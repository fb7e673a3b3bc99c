/** Which lane a room belongs in follows from what of it waits; order inside the room is left alone. Pure. */
import type { Urgency } from '../log/room-log.js'
import type { Lane } from './admission.js'

export class PendingUrgencies {
  private readonly counts: Record<Urgency, number> = { high: 0, normal: 0, degraded: 0, low: 0 }

  add(urgency: Urgency): void {
    this.counts[urgency] += 1
  }

  remove(urgency: Urgency): void {
    this.counts[urgency] -= 1
  }

  /**
   * A high record lifts all that waits with it; without one a degraded record takes it down, and a low one does not. With
   * nothing that waits, members that only have to learn how far the room goes are served like others.
   */
  get lane(): Lane {
    const { high, normal, degraded, low } = this.counts
    if (high > 0) return 'high'
    return degraded === 0 && (normal > 0 || low === 0) ? 'normal' : 'low'
  }
}
