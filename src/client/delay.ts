import type { Clock } from '../clock.js'

/** Longest interval that timers take. */
const FOREVER_MS = 2 ** 31 - 1

/** A wait that keeps the process alive and can be cut short. `done` resolves either way. */
export class Delay {
  readonly done: Promise<void>
  private finish: () => void = () => undefined

  constructor(clock: Clock, delayMs: number) {
    this.done = new Promise((resolve) => {
      // The clock's timers let a process end; somebody is waiting for this one.
      const hold = setInterval(() => undefined, FOREVER_MS)
      const stop = clock.every(Math.max(1, delayMs), () => this.finish())
      this.finish = () => {
        clearInterval(hold)
        stop()
        resolve()
      }
    })
  }

  cancel(): void {
    this.finish()
  }
}
