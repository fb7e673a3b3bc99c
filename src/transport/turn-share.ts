/**
 * Frames that a connection may have handled before others get their turn. A read gives up to 64 KiB, which may be thousands of
 * frames: beside ten who flood, who is honest would wait for all of theirs. A turn here is one of the event loop: it begins with
 * the first frame that is handled in it.
 */

const OF_ONE = 128
/** However many there are, and however long the turn has lasted. */
const OF_ONE_AT_LEAST = 8
/** Of all that have more at hand. */
const OF_ALL = 512
/** What one request costs nobody knows before; after so long each gets the least. */
const LONG_TURN_MS = 5

export class TurnShare {
  private awaiting = 0
  private startedAtMs: number | undefined
  private readonly endTurn = (): void => void (this.startedAtMs = undefined)

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** For whoever is read now; with the first the turn begins. */
  share(): number {
    const nowMs = this.nowMs()
    if (this.startedAtMs === undefined) {
      this.startedAtMs = nowMs
      setImmediate(this.endTurn)
    } else if (nowMs - this.startedAtMs > LONG_TURN_MS) return OF_ONE_AT_LEAST
    return Math.max(OF_ONE_AT_LEAST, Math.min(OF_ONE, Math.floor(OF_ALL / (this.awaiting + 1))))
  }

  /** Calls when whoever has more at hand may go on. */
  next(goOn: () => void): void {
    this.awaiting += 1
    setImmediate(() => {
      this.awaiting -= 1
      goOn()
    })
  }
}
