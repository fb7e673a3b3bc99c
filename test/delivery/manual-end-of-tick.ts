/** Stands in for `setImmediate`: the tick ends when the test says so. */
export class ManualEndOfTick {
  private tasks: (() => void)[] = []

  readonly schedule = (task: () => void): void => {
    this.tasks.push(task)
  }

  /** How many tasks wait for the end of the tick. */
  get waiting(): number {
    return this.tasks.length
  }

  end(): void {
    const tasks = this.tasks
    this.tasks = []
    for (const task of tasks) task()
  }
}
