/** One task at a time for each key, in the order of the calls. Holds nothing of keys that nobody waits for. */
export class Turns<Key> {
  private readonly last = new Map<Key, Promise<unknown>>()

  /** Settles as `task` does. */
  take<Result>(key: Key, task: () => Promise<Result>): Promise<Result> {
    const before = this.last.get(key)
    const turn = before === undefined ? task() : before.then(task, task)
    this.last.set(key, turn)
    const leave = (): void => {
      if (this.last.get(key) === turn) this.last.delete(key)
    }
    turn.then(leave, leave)
    return turn
  }
}
