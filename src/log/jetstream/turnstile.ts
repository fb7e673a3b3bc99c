/** Lets a number of tasks run at once; the rest waits in order. */
export class Turnstile {
  private readonly waiting: (() => void)[] = []
  private running = 0

  constructor(private readonly maxRunning: number) {}

  async pass<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.running >= this.maxRunning) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.running += 1
    try {
      return await task()
    } finally {
      const next = this.waiting.shift()
      if (next === undefined) this.running -= 1
      else next()
    }
  }
}
