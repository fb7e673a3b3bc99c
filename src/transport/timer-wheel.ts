/**
 * All deadlines of all connections on one timer: entries hang in the slot of the tick they are due in, and a tick visits
 * one slot. Scheduling, moving and cancelling are O(1); a tick costs what is due in it, however many connections idle.
 */
import type { Clock } from '../clock.js'

export const TICK_MS = 250
const SLOT_COUNT = 256
/** After more than so many at once the event loop has stood still. */
const LATE_TICKS = 2
/** Behind the others: what is due and has to wait for its turn. */
const DUE_SLOT = SLOT_COUNT

/** Something with one deadline, in the clock's uptime. The wheel owns `wheelSlot`; it is -1 while not scheduled. */
export interface Timed {
  wheelSlot: number
  dueAtMs: number
  /** Called at most `TICK_MS` after `dueAtMs`, later where more are due than are met in a turn; no longer scheduled then. */
  onDue(nowMs: number): void
}

export class TimerWheel {
  private readonly due = new Set<Timed>()
  private readonly slots: (Set<Timed> | undefined)[] = [
    ...Array.from({ length: SLOT_COUNT }, () => undefined),
    this.due,
  ]
  private isMeeting = false
  private stop: (() => void) | undefined
  private visitedTick: number
  private size = 0
  private coarseNowMs: number

  /** `metPerTurn`: entries that are due and are called in one turn of the event loop; the rest in the next turns. */
  constructor(
    private readonly clock: Clock,
    private readonly metPerTurn = Infinity,
  ) {
    this.coarseNowMs = clock.uptimeMs()
    this.visitedTick = Math.floor(this.coarseNowMs / TICK_MS)
  }

  /** The time as of the last tick, exact enough for deadlines and free to ask; the clock's own while nothing is scheduled. */
  get nowMs(): number {
    return this.stop === undefined ? this.clock.uptimeMs() : this.coarseNowMs
  }

  schedule(entry: Timed, dueAtMs: number): void {
    this.cancel(entry)
    this.start()
    // Beyond the horizon an entry waits in the farthest slot and is put on again from there.
    const tick = Math.min(
      Math.max(Math.ceil(dueAtMs / TICK_MS), this.visitedTick + 1),
      this.visitedTick + SLOT_COUNT - 1,
    )
    const slot = tick % SLOT_COUNT
    entry.dueAtMs = dueAtMs
    entry.wheelSlot = slot
    const entries = (this.slots[slot] ??= new Set())
    entries.add(entry)
    this.size += 1
  }

  cancel(entry: Timed): void {
    if (entry.wheelSlot < 0) return
    this.slots[entry.wheelSlot]?.delete(entry)
    entry.wheelSlot = -1
    this.size -= 1
    if (this.size === 0) this.halt()
  }

  private start(): void {
    if (this.stop !== undefined) return
    this.coarseNowMs = this.clock.uptimeMs()
    this.visitedTick = Math.floor(this.coarseNowMs / TICK_MS)
    this.stop = this.clock.every(TICK_MS, () => this.tick())
  }

  private halt(): void {
    this.stop?.()
    this.stop = undefined
  }

  private tick(): void {
    this.coarseNowMs = this.clock.uptimeMs()
    const due = Math.floor(this.coarseNowMs / TICK_MS)
    // After a stall every slot is visited once at most.
    const from = Math.max(this.visitedTick + 1, due - SLOT_COUNT + 1)
    const hasStoodStill = due - this.visitedTick > LATE_TICKS
    this.visitedTick = due
    for (let tick = from; tick <= due; tick += 1) this.visit(tick % SLOT_COUNT)
    if (this.isMeeting) return
    // What came meanwhile is read before anybody's time is up.
    if (hasStoodStill) this.meetLater()
    else this.meet()
  }

  private meetLater(): void {
    this.isMeeting = true
    setImmediate(() => this.meet())
  }

  private visit(slot: number): void {
    const entries = this.slots[slot]
    if (entries === undefined) return
    this.slots[slot] = undefined
    for (const entry of entries) {
      entry.wheelSlot = DUE_SLOT
      this.due.add(entry)
    }
  }

  private meet(): void {
    this.isMeeting = false
    let left = this.metPerTurn
    for (const entry of this.due) {
      if (left === 0) {
        this.meetLater()
        return
      }
      left -= 1
      this.due.delete(entry)
      entry.wheelSlot = -1
      this.size -= 1
      if (entry.dueAtMs > this.coarseNowMs) this.schedule(entry, entry.dueAtMs)
      else entry.onDue(this.coarseNowMs)
    }
    if (this.size === 0) this.halt()
  }
}
