/**
 * Removed entries of the bucket: it keeps a mark for each, so that watchers learn of it, and would keep it for ever. Ten
 * minutes later everybody has seen it, and whoever wrote the mark buries it. The others forget it by themselves, a minute
 * after that: a watch tells nothing of a burial.
 *
 * Bounded by the keys that were removed in that time: of each the last mark counts. All that are due are buried, so many at
 * once, and as fast as the bucket takes it.
 */
import { Logger } from '@nestjs/common'
import type { Clock } from '../../clock.js'
import { reasonOf } from '../log-fault.js'
import { textOfKey } from '../state-key.js'
import type { StateKey } from '../state-store.js'

const BURIED_AFTER_MS = 600_000
const FORGOTTEN_AFTER_MS = BURIED_AFTER_MS + 60_000
const BURIAL_INTERVAL_MS = 10_000
/** Short, so that little is forgotten in one go. */
const FORGETTING_INTERVAL_MS = 1_000
const MAX_AT_ONCE = 32

interface TombstoneParts {
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
  /** Takes the mark from the bucket, and forgets it. If it rejects, it is called again later. */
  readonly bury: (key: StateKey, revision: number) => Promise<void>
  /** Of a mark of another node. */
  readonly forget: (key: StateKey, revision: number) => void
}

interface Tombstone {
  readonly key: StateKey
  readonly revision: number
  readonly sinceMs: number
}

/** By the text of the key, the oldest first. */
type Marks = Map<string, Tombstone>

export class Tombstones {
  private readonly logger = new Logger('StateStore')
  private readonly own: Marks = new Map()
  private readonly others: Marks = new Map()
  private readonly stops: readonly (() => void)[]
  private isBurying = false

  constructor(private readonly parts: TombstoneParts) {
    const { clock } = parts
    this.stops = [
      clock.every(BURIAL_INTERVAL_MS, () => void this.buryDue()),
      clock.every(FORGETTING_INTERVAL_MS, () => this.forgetDue()),
    ]
  }

  /** An own one is for this node to bury. */
  add(key: StateKey, revision: number, isOwn: boolean): void {
    this.drop(key)
    const marks = isOwn ? this.own : this.others
    marks.set(textOfKey(key), { key, revision, sinceMs: this.parts.clock.uptimeMs() })
  }

  /** There is an entry again, which took the place of the mark. */
  drop(key: StateKey): void {
    const text = textOfKey(key)
    this.own.delete(text)
    this.others.delete(text)
  }

  close(): void {
    for (const stop of this.stops) stop()
  }

  private forgetDue(): void {
    for (const [text, { key, revision }] of this.due(this.others, FORGOTTEN_AFTER_MS)) {
      this.others.delete(text)
      this.parts.forget(key, revision)
    }
  }

  private async buryDue(): Promise<void> {
    const [oldest] = this.own.values()
    if (this.isBurying || oldest === undefined || !this.isDue(oldest, BURIED_AFTER_MS)) return
    this.isBurying = true
    // All take from one line, which ends with the first that fails.
    const due = this.due(this.own, BURIED_AFTER_MS)
    const outcomes = await Promise.allSettled(Array.from({ length: MAX_AT_ONCE }, () => this.buryAll(due)))
    this.isBurying = false
    const failed = outcomes.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') this.logger.warn(`marks of removed entries stay: ${reasonOf(failed.reason)}`)
  }

  private async buryAll(due: Iterable<[string, Tombstone]>): Promise<void> {
    for (const [text, mark] of due) {
      await this.parts.bury(mark.key, mark.revision)
      if (this.own.get(text) === mark) this.own.delete(text)
    }
  }

  private *due(marks: Marks, afterMs: number): Generator<[string, Tombstone]> {
    for (const [text, mark] of marks) {
      if (!this.isDue(mark, afterMs)) return
      yield [text, mark]
    }
  }

  private isDue({ sinceMs }: Tombstone, afterMs: number): boolean {
    return this.parts.clock.uptimeMs() - sinceMs >= afterMs
  }
}
