/**
 * Who runs next: lanes hold rooms, never messages, so order inside a room is nobody's business here. A room is in one
 * lane at most; a turn is a bounded number of offers, after which the room goes to the end of its lane. Lanes are served
 * high → normal → low, but none of them less than its minimum share while it has work.
 *
 * Pure but for the clock it is given: the router calls `runSlice` and yields to the event loop in between.
 */
import type { Lane } from './admission.js'

/** A room that wants turns. The scheduler owns `lane`; `undefined` while it waits for none. */
export interface Schedulable {
  lane: Lane | undefined
  /** Where it belongs, by what of it waits now. */
  readonly wantedLane: Lane
  /** Earliest start of its next turn, in milliseconds of the scheduler's clock. */
  readonly notBeforeMs: number
  /** Makes at most `maxOffers` offers and says how many it made and whether work is left. */
  turn(maxOffers: number): { readonly offers: number; readonly isDone: boolean }
}

/** Of the offers made while a lane has work, at least this share is its own. */
export const MIN_SHARE: Readonly<Record<Lane, number>> = { high: 0, normal: 0.2, low: 0.05 }

const BY_URGENCY: readonly Lane[] = ['high', 'normal', 'low']
const BY_NEED: readonly Lane[] = ['low', 'normal']
/** The shares are judged over about this many offers. */
const SHARE_MEMORY_OFFERS = 4096

/** Of a slice, for one turn: a small room behind a large one is served in the same slice, not in the next. */
const TURN_SHARE = 0.25

export class RoomScheduler {
  private readonly lanes: Readonly<Record<Lane, Schedulable[]>> = { high: [], normal: [], low: [] }
  private readonly served: Record<Lane, number> = { high: 0, normal: 0, low: 0 }

  /** Rooms that have work, whether or not they may start yet. */
  get size(): number {
    return this.lanes.high.length + this.lanes.normal.length + this.lanes.low.length
  }

  /** Of them, those in one lane. */
  sizeOf(lane: Lane): number {
    return this.lanes[lane].length
  }

  /** When the first of those that wait may start; `Infinity` if none waits. */
  get nextStartMs(): number {
    let firstMs = Infinity
    for (const lane of BY_URGENCY) {
      for (const { notBeforeMs } of this.lanes[lane]) firstMs = Math.min(firstMs, notBeforeMs)
    }
    return firstMs
  }

  /** Puts a room at the end of its lane, or moves it whole to the one it belongs in now: its order stays with it. */
  enqueue(room: Schedulable): void {
    const lane = room.wantedLane
    if (room.lane === lane) return
    this.remove(room)
    if (this.lanes[lane].length === 0) this.forgetClaim(lane)
    this.append(room, lane)
  }

  remove(room: Schedulable): void {
    if (room.lane === undefined) return
    const queue = this.lanes[room.lane]
    const at = queue.indexOf(room)
    if (at >= 0) queue.splice(at, 1)
    room.lane = undefined
  }

  /**
   * Gives turns until `maxOffers` are made or no room may start. Returns the offers made; 0 means that all wait for
   * their time, or that there is nothing to do.
   */
  runSlice(nowMs: number, maxOffers: number): number {
    const mostOfTurn = Math.max(1, Math.ceil(maxOffers * TURN_SHARE))
    let made = 0
    while (made < maxOffers) {
      const room = this.next(nowMs)
      if (room === undefined) break
      const { lane } = room
      const { offers, isDone } = room.turn(Math.min(mostOfTurn, maxOffers - made))
      // A turn without offers (a room nobody listens to) must still end the slice some day.
      made += Math.max(1, offers)
      this.account(lane ?? 'normal', Math.max(1, offers))
      // The turn may have moved or removed the room.
      if (room.lane !== lane) continue
      const { wantedLane } = room
      this.remove(room)
      if (isDone) continue
      if (wantedLane === lane) this.append(room, wantedLane)
      else this.enqueue(room)
    }
    return made
  }

  private append(room: Schedulable, lane: Lane): void {
    room.lane = lane
    this.lanes[lane].push(room)
  }

  private next(nowMs: number): Schedulable | undefined {
    const total = this.servedInAll
    for (const lane of BY_NEED) {
      // Owed a whole offer at least: a lane that has just got work waits for the more urgent ones first.
      if (MIN_SHARE[lane] * total - this.served[lane] >= 1) {
        const room = this.firstReady(lane, nowMs)
        if (room !== undefined) return room
      }
    }
    for (const lane of BY_URGENCY) {
      const room = this.firstReady(lane, nowMs)
      if (room !== undefined) return room
    }
    return undefined
  }

  private firstReady(lane: Lane, nowMs: number): Schedulable | undefined {
    return this.lanes[lane].find((room) => room.notBeforeMs <= nowMs)
  }

  /** An idle lane saves up nothing: with its first room it has had its share. */
  private forgetClaim(lane: Lane): void {
    const ofOthers = this.servedInAll - this.served[lane]
    this.served[lane] = Math.max(this.served[lane], (ofOthers * MIN_SHARE[lane]) / (1 - MIN_SHARE[lane]))
  }

  private get servedInAll(): number {
    return this.served.high + this.served.normal + this.served.low
  }

  private account(lane: Lane, offers: number): void {
    this.served[lane] += offers
    if (this.servedInAll < SHARE_MEMORY_OFFERS) return
    for (const each of BY_URGENCY) this.served[each] /= 2
  }
}
