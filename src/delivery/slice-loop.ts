/**
 * When rooms get their turns: in slices, one at the end of each tick while there is work, so that I/O has its turn in
 * between; by one timer while every room waits for its time; and not at all while none has anything to say.
 */
import type { Lane } from './admission.js'
import { RoomScheduler, type Schedulable } from './room-scheduler.js'
import { SliceTimer } from './slice-timer.js'

export interface SliceLoopParts {
  /** Milliseconds with fractions; only differences count. */
  readonly nowMs: () => number
  /** Runs `task` once, after I/O had its turn. */
  readonly nextTick: (task: () => void) => void
  /** Runs `task` once in so many whole milliseconds, unless the returned function is called before. */
  readonly after: (delayMs: number, task: () => void) => () => void
  /** Outboxes that wait for the end of the tick, */
  readonly marked: () => number
  /** and those of them that came behind so many are to write at once. */
  readonly flushBehind: (marked: number) => void
}

/** Timers know whole milliseconds: for less than one it is looked again each tick. */
const LEAST_TIMER_MS = 1

export class SliceLoop {
  private readonly scheduler = new RoomScheduler()
  private readonly slices: SliceTimer
  private isSliceDue = false
  private hasLeftWork = false
  private stopTimer: (() => void) | undefined
  private readonly runSlice = (): void => this.slice()
  private readonly wake = (): void => this.sliceSoon()

  constructor(private readonly parts: SliceLoopParts) {
    this.slices = new SliceTimer(parts.nowMs)
  }

  /** Something new waits in the room: it may belong in another lane, and it may start earlier than it was thought. */
  schedule(room: Schedulable): void {
    this.scheduler.enqueue(room)
    this.sliceSoon()
  }

  /** Rooms that have work in the lane. */
  roomsIn(lane: Lane): number {
    return this.scheduler.sizeOf(lane)
  }

  remove(room: Schedulable): void {
    this.scheduler.remove(room)
  }

  /** When a room whose batch took `offers` offers may start the next; `isThin`: much less waits than has just gone out. */
  notBefore(offers: number, isThin: boolean): number {
    return this.slices.notBefore(offers, isThin)
  }

  private sliceSoon(): void {
    if (this.isSliceDue) return
    this.isSliceDue = true
    this.stopTimer?.()
    this.stopTimer = undefined
    this.parts.nextTick(this.runSlice)
  }

  private slice(): void {
    const { slices, scheduler } = this
    slices.begin(this.hasLeftWork)
    const marked = this.parts.marked()
    const offers = scheduler.runSlice(slices.startedAtMs, slices.maxOffers)
    this.parts.flushBehind(marked)
    slices.end(offers)
    this.isSliceDue = false
    this.hasLeftWork = offers > 0 && scheduler.size > 0
    if (scheduler.size === 0) return
    const waitMs = offers > 0 ? 0 : scheduler.nextStartMs - slices.startedAtMs
    if (waitMs < LEAST_TIMER_MS) this.sliceSoon()
    else this.stopTimer = this.parts.after(Math.floor(waitMs), this.wake)
  }
}
