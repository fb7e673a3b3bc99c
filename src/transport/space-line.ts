/**
 * Who waits for space in one outbox: let on in turn, one after the other, as long as there is space and the turn of the event loop
 * is not spent. Bounded by whose it is.
 */

/** Let on in one turn: a thousand streams of one connection whose sources never wait must starve nobody. */
const TURN_ENTRIES = 128

export class SpaceLine {
  private readonly waiting = new Set<() => void>()
  private isServing = false
  private served = 0

  constructor(private readonly hasSpace: () => boolean) {}

  /** Calls `proceed` once: now, or in its turn. Returns how to give up. */
  enter(proceed: () => void): () => void {
    const entry = (): void => proceed()
    this.waiting.add(entry)
    this.serve()
    return () => void this.waiting.delete(entry)
  }

  /** There may be space. Not within itself: what one writes makes space for the next. */
  serve(): void {
    if (this.isServing) return
    this.isServing = true
    try {
      for (const entry of this.waiting) {
        if (this.served === TURN_ENTRIES || !this.hasSpace()) return
        this.waiting.delete(entry)
        this.count()
        entry()
      }
    } finally {
      this.isServing = false
    }
  }

  private count(): void {
    this.served += 1
    if (this.served < TURN_ENTRIES) return
    setImmediate(() => {
      this.served = 0
      this.serve()
    })
  }
}
