/**
 * Keeps a window of publications in flight. In flight is what the slowest of the judges has not received: members spread
 * over the room, since servers serve their members in orders of their own.
 */
import type { LoadMember } from './load-member.js'
import { monotonicMs } from './monotonic-ms.js'

export interface BurstOrder {
  /** At most so many that a judge has not received. */
  readonly window: number
  /** Stops after so many, */
  readonly messages: number
  /** or after this long. */
  readonly durationMs: number
  /** Gives up when no judge hears anything for this long. */
  readonly stallMs: number
}

/** What a publisher and a room need of a member. */
export type Talker = Pick<LoadMember, 'wire' | 'fault' | 'write'>

export interface PublisherReport {
  readonly startMs: number
  /** Messages that the server took. */
  readonly published: number
  readonly refusals: number
}

const LOOK_MS = 100

export class Publisher {
  private order: BurstOrder | undefined
  private sent = 0
  private endMs = 0
  private heardAtMs = 0
  private resolve: (() => void) | undefined

  constructor(
    /** Each says every publication, at a node of its own; the first is told refusals. */
    private readonly speakers: readonly Talker[],
    private readonly judges: ReadonlySet<Talker>,
    /** Publication `number` goes out. */
    private readonly onPublish: (number: number) => void = () => undefined,
  ) {}

  async run(order: BurstOrder): Promise<PublisherReport> {
    this.order = order
    const startMs = monotonicMs()
    this.heardAtMs = performance.now()
    this.endMs = this.heardAtMs + order.durationMs
    const timer = setInterval(() => this.look(), LOOK_MS)
    await new Promise<void>((resolve) => {
      this.resolve = resolve
      this.refill()
    })
    clearInterval(timer)
    const { refusals } = this
    return { startMs, published: this.sent - refusals, refusals }
  }

  /** A refusal makes room too. */
  heard(member: Talker): void {
    if (!this.speakers.includes(member) && !this.judges.has(member)) return
    this.heardAtMs = performance.now()
    this.refill()
  }

  private get refusals(): number {
    return this.speakers[0]?.wire.refusals ?? 0
  }

  /** By every judge. */
  private get received(): number {
    let least = Infinity
    for (const { wire } of this.judges) least = Math.min(least, wire.messages)
    return least
  }

  private refill(): void {
    if (this.order === undefined) return
    const { window, messages } = this.order
    const inFlight = this.sent - this.refusals - this.received
    const isOver = performance.now() >= this.endMs
    const count = isOver ? 0 : Math.min(window - inFlight, messages - this.sent)
    if (count > 0) {
      this.publish(count)
    } else if (inFlight <= 0) this.finish()
  }

  /** One write each, as of publishers that know nothing of each other. */
  private publish(count: number): void {
    for (const end = this.sent + count; this.sent < end; this.sent += 1) {
      this.onPublish(this.sent)
      for (const speaker of this.speakers) speaker.write(speaker.wire.publication(this.sent))
    }
  }

  /** A judge may be the one that misses something: then it never has all. */
  private look(): void {
    if (performance.now() - this.heardAtMs >= (this.order?.stallMs ?? 0)) this.finish()
    else this.refill()
  }

  private finish(): void {
    this.order = undefined
    this.resolve?.()
  }
}
