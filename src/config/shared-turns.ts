/**
 * One piece of work at a time. Who asks while the same work waits for its turn shares that turn, so there is never more than one
 * running and one of each kind waiting, however many ask; and what they get was begun after they asked.
 */
export class SharedTurns<Kind extends string, Result> {
  private last: Promise<unknown> = Promise.resolve()
  private readonly waiting = new Map<Kind, Promise<Result>>()

  /** Settles as `work` does. */
  ask(kind: Kind, work: () => Promise<Result>): Promise<Result> {
    const known = this.waiting.get(kind)
    if (known !== undefined) return known
    const turn = this.last.then(() => {
      this.waiting.delete(kind)
      return work()
    })
    this.waiting.set(kind, turn)
    this.last = turn.catch(() => undefined)
    return turn
  }
}
