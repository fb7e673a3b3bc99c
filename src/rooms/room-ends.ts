/** How a room that has no members any more ends. A lone node deletes it at once, with its history and its bans. */
import type { RoomDelivery } from '../delivery/room-delivery.js'
import type { RoomLog } from '../log/room-log.js'
import type { UserId } from '../protocol/ids.js'
import type { Presence } from './presence.js'
import type { RoomKey } from './room-key.js'
import type { RoomRegistry } from './room-registry.js'
import type { RoomStore } from './room-store.js'
import type { Removal } from './room-writes.js'
import type { Room } from './room.js'

export interface RoomEnds {
  /** Before somebody enters; `undefined`: the room is open, or there is none. Rejects with LOG_UNAVAILABLE if it takes long. */
  whenOpen(room: Room | undefined): Promise<void> | undefined
  /** Of a room that is being founded: whatever an earlier one of that name has left is gone when it resolves. */
  clearBefore(room: Room): Promise<void>
  /** Once a membership is saved. Rejects with `RoomIsGone` if it came too late, and does not count. */
  confirm(room: Room, user: UserId): Promise<void>
  /**
   * Before the record of a change: resolves when nobody hears a record any more from which the change, whose saving is
   * `saved`, shuts them out.
   */
  inForce(saved: Promise<void>, key: RoomKey): Promise<void> | undefined
  /** The last membership has ended; `keys` and `removal` are what `RoomStore.save` gets of that. */
  end(room: Room, keys: readonly RoomKey[], removal?: Removal): Promise<void>
}

interface SoleEndsParts {
  readonly registry: RoomRegistry
  readonly store: RoomStore
  readonly log: RoomLog
  readonly delivery: RoomDelivery
  readonly presence: Presence
}

export class SoleRoomEnds implements RoomEnds {
  constructor(private readonly parts: SoleEndsParts) {}

  whenOpen(): undefined {
    return undefined
  }

  /** A crash or a broken disk may have kept it from being deleted. */
  clearBefore({ id }: Room): Promise<void> {
    return this.parts.log.deleteRoom(id)
  }

  async confirm(): Promise<void> {}

  /** At once: whoever hears the room does so here. */
  inForce(): undefined {
    return undefined
  }

  async end(room: Room, keys: readonly RoomKey[]): Promise<void> {
    const { registry, presence, store, delivery } = this.parts
    registry.delete(room)
    presence.forget(room)
    await Promise.all([store.save([['room', room.id], ...keys]), delivery.deleteRoom(room.id)])
    await store.clear(room)
  }
}
