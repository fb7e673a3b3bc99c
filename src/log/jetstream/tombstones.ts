/**
 * Removed entries of the bucket: it keeps a mark for each, so that watchers learn of it, and would keep it for ever. Some
 * minutes later everybody has seen it, and the mark goes, a few at a time.
 */
import { Logger } from '@nestjs/common'
import type { Clock } from '../../clock.js'
import { reasonOf } from '../log-fault.js'
import type { StateKey } from '../state-store.js'

const SEEN_AFTER_MS = 600_000
const INTERVAL_MS = 10_000
const MAX_AT_ONCE = 500

interface Tombstone {
  readonly key: StateKey
  readonly revision: number
  readonly sinceMs: number
}

export class Tombstones {
  private readonly logger = new Logger('StateStore')
  /** The oldest first. */
  private readonly marks = new Set<Tombstone>()
  private readonly stop: () => void
  private isBusy = false

  constructor(
    private readonly clock: Pick<Clock, 'uptimeMs' | 'every'>,
    private readonly bury: (key: StateKey, revision: number) => Promise<void>,
  ) {
    this.stop = clock.every(INTERVAL_MS, () => void this.sweep())
  }

  add(key: StateKey, revision: number): void {
    this.marks.add({ key, revision, sinceMs: this.clock.uptimeMs() })
  }

  close(): void {
    this.stop()
  }

  private async sweep(): Promise<void> {
    if (this.isBusy) return
    this.isBusy = true
    try {
      await this.buryOld()
    } catch (error) {
      this.logger.warn(`marks of removed entries stay: ${reasonOf(error)}`)
    } finally {
      this.isBusy = false
    }
  }

  private async buryOld(): Promise<void> {
    let count = 0
    for (const mark of this.marks) {
      if (this.clock.uptimeMs() - mark.sinceMs < SEEN_AFTER_MS || (count += 1) > MAX_AT_ONCE) return
      await this.bury(mark.key, mark.revision)
      this.marks.delete(mark)
    }
  }
}
