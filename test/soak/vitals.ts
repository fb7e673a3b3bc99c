/** What a server holds at one moment, by /proc and by its own page of metrics. */
import { sumIn, type MetricsPage } from '../hostile/metrics-page.js'
import { readHolds } from '../hostile/process-watch.js'

export interface Vitals {
  /** Since the beginning. */
  readonly second: number
  readonly rssMb: number
  /** Memory of its own: no pages of files. */
  readonly memoryMb: number
  readonly heapMb: number
  /** Open files and sockets. */
  readonly handles: number
  /** The worst delay of the event loop of a second, on the average since the sample before. */
  readonly loopDelayMs: number
  readonly connections: number
  readonly rooms: number
  readonly sessions: number
}

export type Vital = keyof Vitals

export class VitalsReader {
  private seconds = 0
  private delays = 0

  constructor(
    private readonly pid: number,
    private readonly metrics: MetricsPage,
  ) {}

  async read(second: number): Promise<Vitals> {
    const page = await this.metrics.text()
    const one = (name: string): number => sumIn(page, { name })
    const [delays, seconds] = [
      one('nestwire_event_loop_delay_seconds_sum'),
      one('nestwire_event_loop_delay_seconds_count'),
    ]
    const loopDelayMs = seconds > this.seconds ? ((delays - this.delays) * 1_000) / (seconds - this.seconds) : 0
    this.delays = delays
    this.seconds = seconds
    return {
      second,
      ...readHolds(this.pid),
      heapMb: one('nodejs_heap_size_used_bytes') / 2 ** 20,
      loopDelayMs,
      connections: one('nestwire_connections'),
      rooms: one('nestwire_rooms'),
      sessions: one('nestwire_sessions'),
    }
  }
}
