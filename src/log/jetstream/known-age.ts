/**
 * Up to which age a repeat is known to the stream: within its window, and that of the settings. One that was made longer, here, by
 * another node or over a restart, holds only for what is sent from then on: ids that were older than the shorter window may
 * have been forgotten. What was made longer before this node began, it cannot know.
 */
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import type { LogStream } from './log-stream.js'

interface KnownAgeParts {
  readonly stream: Pick<LogStream, 'foundDedupWindowMs' | 'dedupWindowMs' | 'onDedupWindow'>
  readonly settings: Settings
  readonly clock: Pick<Clock, 'uptimeMs'>
}

export class KnownAge {
  /** Since then nothing younger than the window of that time is forgotten. */
  private knownSinceMs = -Infinity
  private readonly stop: () => void

  constructor(private readonly parts: KnownAgeParts) {
    const { stream } = parts
    this.hadWindow(stream.foundDedupWindowMs)
    this.stop = stream.onDedupWindow((beforeMs) => this.hadWindow(beforeMs))
  }

  get maxMs(): number {
    const { stream, settings, clock } = this.parts
    const windowMs = Math.min(settings.current.log.dedupWindowMs, stream.dedupWindowMs)
    return Math.min(windowMs, clock.uptimeMs() - this.knownSinceMs)
  }

  close(): void {
    this.stop()
  }

  private hadWindow(beforeMs: number): void {
    const { stream, clock } = this.parts
    if (stream.dedupWindowMs > beforeMs) this.knownSinceMs = Math.max(this.knownSinceMs, clock.uptimeMs() - beforeMs)
  }
}
