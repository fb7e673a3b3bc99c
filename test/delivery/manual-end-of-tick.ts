/** Longer than a catch-up takes to read the log twice where each read takes two turns. */
const QUIET_TURNS = 8

/** Stands in for `setImmediate`: the tick ends when the test says so. */
export class ManualEndOfTick {
  private tasks: (() => void)[] = []

  readonly schedule = (task: () => void): void => {
    this.tasks.push(task)
  }

  /** Stands in for a timer: due at the end of the tick, whatever its delay. */
  readonly after = (_delayMs: number, task: () => void): (() => void) => {
    this.schedule(task)
    return () => void (this.tasks = this.tasks.filter((each) => each !== task))
  }

  /** How many tasks wait for the end of the tick. */
  get waiting(): number {
    return this.tasks.length
  }

  /** Ends tick after tick, promises settled in between, until nobody asks for another. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < QUIET_TURNS; idle += 1) {
      while (this.tasks.length > 0) {
        this.end()
        await new Promise(setImmediate)
        idle = 0
      }
      await new Promise(setImmediate)
    }
  }

  end(): void {
    const tasks = this.tasks
    this.tasks = []
    for (const task of tasks) task()
  }
}
