import type { RoomId, Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'
import type { NewRecord, RoomHead } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'

/**
 * How urgent a record is. `notice`: what the server itself has to say (who joined, who left): never refused, and still
 * of normal urgency, so that nobody lifts a room by coming and going.
 */
export type DeliveryPriority = 'high' | 'normal' | 'low' | 'notice'

/** What chat and rooms ask of delivery; also the injection token. Rooms are named, connections attached and detached. */
export abstract class RoomDelivery {
  /**
   * Commits the record, then delivers it to the room. Calls for one room resolve and are delivered in call order.
   * Rejects with BACKPRESSURE, nothing logged, while there is more to deliver than the lanes hold.
   */
  abstract append(room: RoomId, record: NewRecord, priority: DeliveryPriority): Promise<RoomRecord>
  /** Makes a room ready for `attach`; idempotent. Resolves after a deletion of that name in progress. */
  abstract open(room: RoomId): Promise<void>
  /**
   * Deliveries to the connection start exactly after the returned position: `from`, or the room's head. Idempotent: a
   * connection that hears the room already keeps its place. Throws unless the room is open.
   */
  abstract attach(room: RoomId, connection: ConnectionHandle, from?: Seq): RoomHead
  abstract detach(room: RoomId, connection: ConnectionHandle): void
  /** Offers a whole frame that no log holds to all attached; the slow go without. */
  abstract sendEphemeral(room: RoomId, frame: Buffer): void
  /** Forgets the room and its log; nobody may be attached any more. */
  abstract deleteRoom(room: RoomId): Promise<void>
}
