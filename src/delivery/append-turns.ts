/**
 * Who may hand the log a record. It takes so many at once; beyond that each sender has a line of its own, and the lines take
 * turns. A log writes what it has in the order in which it came: behind ten clients with a thousand messages each under way,
 * somebody with one would wait for all of theirs.
 */
import type { UserId } from '../protocol/ids.js'

/**
 * As much as it takes for the price of a commit, 0.6 ms, not to be felt: half a commit's worth, some 20 ms of what comes with
 * them (LMDB, 64 bytes).
 */
const MAX_AT_ONCE = 1_024

const NOW = Promise.resolve()

export class AppendTurns {
  private underWay = 0
  private count = 0
  /** In the order of their turns. */
  private readonly lines = new Map<UserId, (() => void)[]>()

  /** Appends that wait; each is a message that was admitted, and admission bounds them. */
  get waiting(): number {
    return this.count
  }

  /**
   * Resolves when it is in; `leave` afterwards, whatever came of it. One sender's turns come in the order of the calls: a promise
   * where there is room, too, since somebody who waited may have been let in and not gone on yet.
   */
  enter(sender: UserId): Promise<void> {
    if (this.underWay < MAX_AT_ONCE) {
      this.underWay += 1
      return NOW
    }
    this.count += 1
    const line = this.lines.get(sender)
    return new Promise((resolve) => {
      if (line === undefined) this.lines.set(sender, [resolve])
      else line.push(resolve)
    })
  }

  /** Whoever waited takes the place, so that nobody comes before those who wait. */
  leave(): void {
    const [next] = this.lines
    if (next === undefined) {
      this.underWay -= 1
      return
    }
    const [sender, line] = next
    this.lines.delete(sender)
    this.count -= 1
    const enter = line.shift()
    if (line.length > 0) this.lines.set(sender, line)
    enter?.()
  }
}
