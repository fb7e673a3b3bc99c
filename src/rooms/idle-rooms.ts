/** Rooms that are empty or closing, each since when, and who waits for them to be open again. One timer while there are any. */
import type { Clock } from '../clock.js'
import { RoomIsGone } from './room-refusals.js'
import type { Room } from './room.js'

/** Whoever empties or closes a room deletes it at once; later than this it has failed, and somebody else does it. */
const LEFT_ALONE_MS = 10_000
/** A join waits no longer for a room that is being deleted. */
const OPENING_TIMEOUT_MS = 5_000
const TICK_MS = 1_000

interface IdleRoom {
  sinceMs: number
  readonly waiters: Waiter[]
}

interface Waiter {
  readonly untilMs: number
  readonly resolve: () => void
  readonly reject: (error: RoomIsGone) => void
}

export class IdleRooms {
  private readonly rooms = new Map<Room, IdleRoom>()
  private stopTicking: (() => void) | undefined

  constructor(
    private readonly clock: Pick<Clock, 'uptimeMs' | 'every'>,
    private readonly leftAlone: (room: Room) => void,
  ) {}

  look(room: Room): void {
    if (room.memberCount > 0 && !room.isClosing) return this.forget(room)
    if (this.rooms.has(room)) return
    this.rooms.set(room, { sinceMs: this.clock.uptimeMs(), waiters: [] })
    this.stopTicking ??= this.clock.every(TICK_MS, () => this.tick())
  }

  /** It is open, or gone. */
  forget(room: Room): void {
    const idle = this.rooms.get(room)
    if (idle === undefined) return
    this.rooms.delete(room)
    for (const { resolve } of idle.waiters) resolve()
    if (this.rooms.size === 0) this.stop()
  }

  /** Rejects with `RoomIsGone` if it takes too long. */
  whenOpen(room: Room): Promise<void> {
    this.look(room)
    const untilMs = this.clock.uptimeMs() + OPENING_TIMEOUT_MS
    return new Promise((resolve, reject) => this.rooms.get(room)?.waiters.push({ untilMs, resolve, reject }))
  }

  stop(): void {
    this.stopTicking?.()
    this.stopTicking = undefined
  }

  private tick(): void {
    const nowMs = this.clock.uptimeMs()
    for (const [room, idle] of this.rooms) {
      while (idle.waiters[0] !== undefined && idle.waiters[0].untilMs <= nowMs) {
        idle.waiters.shift()?.reject(new RoomIsGone(room.id))
      }
      if (nowMs - idle.sinceMs < LEFT_ALONE_MS) continue
      idle.sinceMs = nowMs
      this.leftAlone(room)
    }
  }
}
