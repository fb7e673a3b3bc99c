/**
 * Appends that were called and have no outcome yet, by room. One that still waits when its room is deleted must not reach
 * the log: what is written there from then on belongs to a later room of that name.
 */
import type { RoomId } from '../protocol/ids.js'

/** All appends of one incarnation of a room that are under way. */
export interface RoomAppends {
  count: number
  isRoomGone: boolean
}

export class AppendsUnderWay {
  private readonly byRoom = new Map<RoomId, RoomAppends>()

  /** `end` it, whatever comes of it. */
  begin(room: RoomId): RoomAppends {
    const appends = this.byRoom.get(room) ?? { count: 0, isRoomGone: false }
    appends.count += 1
    if (appends.count === 1) this.byRoom.set(room, appends)
    return appends
  }

  end(room: RoomId, appends: RoomAppends): void {
    appends.count -= 1
    if (appends.count === 0 && !appends.isRoomGone) this.byRoom.delete(room)
  }

  isAppendedTo(room: RoomId): boolean {
    return this.byRoom.has(room)
  }

  roomGone(room: RoomId): void {
    const appends = this.byRoom.get(room)
    if (appends === undefined) return
    appends.isRoomGone = true
    this.byRoom.delete(room)
  }
}
