/**
 * Up to which age a repeat is known to the stream. It follows the window of the settings, but one that was made longer holds only for
 * what is sent from then on: ids that were older than the shorter window may have been forgotten.
 */
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'

interface KnownAgeParts {
  readonly settings: Settings
  readonly clock: Pick<Clock, 'uptimeMs'>
}

export class KnownAge {
  /** Since then nothing younger than the window of that time is forgotten. */
  private knownSinceMs = -Infinity
  private readonly stop: () => void

  constructor(private readonly parts: KnownAgeParts) {
    const { settings, clock } = parts
    this.stop = settings.onChange(({ log: next }, { log: before }) => {
      if (next.dedupWindowMs <= before.dedupWindowMs) return
      this.knownSinceMs = Math.max(this.knownSinceMs, clock.uptimeMs() - before.dedupWindowMs)
    })
  }

  get maxMs(): number {
    const { settings, clock } = this.parts
    return Math.min(settings.current.log.dedupWindowMs, clock.uptimeMs() - this.knownSinceMs)
  }

  close(): void {
    this.stop()
  }
}
