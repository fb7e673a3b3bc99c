/**
 * Which node tidies up a room: trims its history, deletes it when it is empty. A lone node does so for all. Two that think
 * so at once do no harm; of the nodes that are up one at least must.
 */
import type { RoomId } from '../protocol/ids.js'

export class RoomOwnership {
  private judge: (room: RoomId) => boolean = () => true

  isMine(room: RoomId): boolean {
    return this.judge(room)
  }

  /** From now on. */
  decideBy(judge: (room: RoomId) => boolean): void {
    this.judge = judge
  }
}
