/** One room of many: its members, who publishes, and how long each message took to those who are listened to. */
import { Samples } from '../statistics.js'
import { Publisher, type BurstOrder, type Talker } from './publisher.js'

export interface Seat {
  readonly member: Talker
  /** Whether it is at the node where the room's publisher is. */
  readonly isAtHome: boolean
}

/** From publishing to the receipts, over all rooms, by whether both were at one node. */
export interface ReceiptTimes {
  readonly sameNode: Samples
  readonly otherNode: Samples
}

/** About so many of a room does its publisher wait for, and their receipts are timed. */
const LISTENERS = 16

export class TalkingRoom {
  published = 0
  private readonly times: ReceiptTimes
  private readonly publisher: Talker
  private readonly listeners = new Map<Talker, Seat>()
  private sentAtMs: number[] = []
  private burstOf: Publisher | undefined

  constructor(
    /** They take turns with the nodes. */
    private readonly seats: readonly Seat[],
    { nodes, times }: { readonly nodes: number; readonly times: ReceiptTimes },
  ) {
    this.times = times
    const [first] = seats
    if (first === undefined) throw new Error('an empty room')
    this.publisher = first.member
    // One more than a multiple of the nodes, so that listeners take turns with them too.
    const apart = nodes * Math.floor(seats.length / LISTENERS / nodes) + 1
    for (const [at, seat] of seats.entries()) if (at % apart === 0) this.listeners.set(seat.member, seat)
  }

  restart(): void {
    for (const { member } of this.seats) member.wire.restart()
    this.published = 0
    this.sentAtMs = []
  }

  get refusals(): number {
    return this.publisher.wire.refusals
  }

  get expectedDeliveries(): number {
    return this.published * this.seats.length
  }

  get fault(): string | undefined {
    return this.seats.find(({ member }) => member.fault !== undefined)?.member.fault
  }

  /** Deliveries that never came, and those that were too many, so far. */
  get mistakes(): { readonly lost: number; readonly duplicates: number } {
    let [lost, duplicates] = [0, 0]
    for (const { member } of this.seats) {
      lost += Math.max(0, this.published - member.wire.messages)
      duplicates += Math.max(0, member.wire.messages - this.published)
    }
    return { lost, duplicates }
  }

  say(): void {
    const number = this.sentAtMs.length
    this.sentAtMs.push(performance.now())
    this.publisher.write(this.publisher.wire.publication(number))
    this.published = number + 1
  }

  /** Resolves when the listeners have all of it, or hear nothing any more. */
  async burst(order: BurstOrder): Promise<void> {
    const note = (): void => void this.sentAtMs.push(performance.now())
    this.burstOf = new Publisher([this.publisher], new Set(this.listeners.keys()), note)
    const { published } = await this.burstOf.run(order)
    this.published = published
  }

  /** `member` got so many that it had not before. */
  heard(member: Talker, messages: number): void {
    const seat = this.listeners.get(member)
    if (seat !== undefined) this.time(seat, messages)
    this.burstOf?.heard(member)
  }

  private time({ member, isAtHome }: Seat, messages: number): void {
    const nowMs = performance.now()
    const samples = isAtHome ? this.times.sameNode : this.times.otherNode
    const end = member.wire.messages
    for (let number = end - messages; number < end; number += 1) {
      const sentAtMs = this.sentAtMs[number]
      if (sentAtMs !== undefined) samples.add(nowMs - sentAtMs)
    }
  }
}
