import type { Epoch, RoomId, Seq } from '../protocol/ids.js'
import type { NewRecord, Placed, RoomHead } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'

/**
 * How urgent a record is. `notice`: what the server itself has to say (who joined, who left): never refused, and still
 * of normal urgency, so that nobody lifts a room by coming and going.
 */
export type DeliveryPriority = 'high' | 'normal' | 'low' | 'notice'

/** What chat and rooms ask of delivery; also the injection token. Rooms are named, connections attached and detached. */
export abstract class RoomDelivery {
  /**
   * Commits the record, then delivers it to the room. Calls of one sender for one room are logged, resolve and are delivered
   * in call order, except that high ones and notices, which are in order among themselves, may have to wait for room in
   * their lane, and normal and low ones do not wait for them; so are the calls of all, as long as the log takes them at
   * once (`AppendTurns`). Rejects with BACKPRESSURE, nothing logged, while there is more to deliver than the lanes hold.
   */
  abstract append(room: RoomId, record: NewRecord, priority: DeliveryPriority): Promise<Placed>
  /**
   * Makes a room ready for `attach`, for a minute at least; idempotent. Resolves after a deletion of that name in progress.
   * Call it right before `attach`, for it costs nothing where the room is open.
   */
  abstract open(room: RoomId): Promise<void>
  /**
   * Deliveries to the connection start exactly after the returned position: `from`, or the room's head. Idempotent: a
   * connection that hears the room already keeps its place. Throws unless the room is open.
   */
  abstract attach(room: RoomId, connection: ConnectionHandle, from?: Seq): RoomHead
  /** The last committed position of a room. Throws unless the room is open. */
  abstract head(room: RoomId): RoomHead
  abstract detach(room: RoomId, connection: ConnectionHandle): void
  /** Offers a whole frame that no log holds to all attached, but for who sent it; the slow go without. */
  abstract sendEphemeral(room: RoomId, frame: Buffer, sender?: ConnectionHandle): void
  /** Forgets the room and its log, if it is still in `epoch` where that is given; nobody may be attached any more. */
  abstract deleteRoom(room: RoomId, epoch?: Epoch): Promise<void>
}
