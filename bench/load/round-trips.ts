/** Times what is sent at a steady pace and comes back by its number; a slow answer holds up nothing that follows. */
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile, Samples } from '../statistics.js'

export interface Pace {
  readonly durationMs: number
  readonly everyMs: number
}

export interface RoundTripTimes {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const ANSWER_TIMEOUT_MS = 15_000

export class RoundTrips {
  private delaysMs = new Samples()
  private readonly sentAtMs = new Map<number, number>()
  private sent = 0
  private settle: (() => void) | undefined

  /** Resolves when all that were sent came back; rejects when one does not. */
  async run({ durationMs, everyMs }: Pace, send: (number: number) => void): Promise<RoundTripTimes> {
    this.delaysMs = new Samples()
    const endMs = performance.now() + durationMs
    while (performance.now() < endMs) {
      this.sent += 1
      this.sentAtMs.set(this.sent, performance.now())
      send(this.sent)
      await sleep(everyMs)
    }
    await this.untilAllCame()
    const { all } = this.delaysMs
    return { count: all.length, p50Ms: percentile(all, 0.5), p99Ms: percentile(all, 0.99) }
  }

  cameBack(number: number): void {
    const sentAtMs = this.sentAtMs.get(number)
    if (sentAtMs === undefined) throw new Error(`${number} came twice, or from nowhere`)
    this.sentAtMs.delete(number)
    this.delaysMs.add(performance.now() - sentAtMs)
    if (this.sentAtMs.size === 0) this.settle?.()
  }

  private untilAllCame(): Promise<void> {
    return new Promise((resolve, reject) => {
      const give = (): void => reject(new Error(`${this.sentAtMs.size} did not come back`))
      const timer = setTimeout(give, ANSWER_TIMEOUT_MS)
      this.settle = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.sentAtMs.size === 0) this.settle()
    })
  }
}
