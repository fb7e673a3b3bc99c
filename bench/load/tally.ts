/** What all members of a process got since `restart`, and when the last of it came. */
import type { LoadMember } from './load-member.js'
import { monotonicMs } from './monotonic-ms.js'

export interface TallyReport {
  /** When the last message came to anybody. */
  readonly lastAtMs: number
  /** Deliveries that never came, over all members that read. */
  readonly lost: number
  readonly duplicates: number
  readonly fault: string | undefined
}

const LOOK_MS = 100

export class Tally {
  private deliveries = 0
  private lastAtMs = 0
  private readers = Infinity
  private awaited: { readonly deliveries: number; settle(): void } | undefined

  constructor(private readonly members: readonly LoadMember[]) {}

  restart(): void {
    this.deliveries = 0
  }

  /** Members from `from` on are not waited for. */
  leaveOut(from: number): void {
    this.readers = from
  }

  add(messages: number): void {
    this.deliveries += messages
    this.lastAtMs = monotonicMs()
    if (this.awaited !== undefined && this.deliveries >= this.awaited.deliveries) this.awaited.settle()
  }

  collect({ messages, stallMs }: { readonly messages: number; readonly stallMs: number }): Promise<TallyReport> {
    const readers = this.members.slice(0, this.readers)
    const deliveries = messages * readers.length
    const startMs = monotonicMs()
    return new Promise((resolve) => {
      const settle = (): void => {
        clearInterval(timer)
        this.awaited = undefined
        resolve(this.report(readers, messages))
      }
      const look = (): void => {
        if (monotonicMs() - Math.max(this.lastAtMs, startMs) >= stallMs) settle()
      }
      const timer = setInterval(look, LOOK_MS)
      this.awaited = { deliveries, settle }
      if (this.deliveries >= deliveries) settle()
    })
  }

  private report(readers: readonly LoadMember[], messages: number): TallyReport {
    let [lost, duplicates] = [0, 0]
    for (const { wire } of readers) {
      lost += Math.max(0, messages - wire.messages)
      duplicates += Math.max(0, wire.messages - messages)
    }
    const fault = readers.find((member) => member.fault !== undefined)?.fault
    return { lastAtMs: this.lastAtMs, lost, duplicates, fault }
  }
}
