/** Lets a number of tasks run at once; the rest waits in order. How many wait is up to whoever sends them. */
export class Turnstile {
  private running = 0
  /** Waiters from `letIn` on; a shifted array would cost O(n) a waiter in a login storm. */
  private line: (() => void)[] = []
  private letIn = 0

  /** `maxRunning` is asked at each start and end, so that it can change. */
  constructor(private readonly maxRunning: () => number) {}

  get waiting(): number {
    return this.line.length - this.letIn
  }

  /** Runs `task` when its turn comes; settles as it does. */
  async pass<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.waiting > 0 || this.running >= this.maxRunning()) {
      await new Promise<void>((resolve) => this.line.push(resolve))
    } else this.running += 1
    try {
      return await task()
    } finally {
      this.running -= 1
      this.letSomeIn()
    }
  }

  private letSomeIn(): void {
    while (this.waiting > 0 && this.running < this.maxRunning()) {
      this.running += 1
      this.line[this.letIn]?.()
      this.letIn += 1
      this.dropLetIn()
    }
  }

  /** Amortised: each waiter is moved at most once for each one that was let in. */
  private dropLetIn(): void {
    if (this.letIn * 2 < this.line.length) return
    this.line = this.line.slice(this.letIn)
    this.letIn = 0
  }
}
