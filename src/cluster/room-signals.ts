/** What nodes tell each other of rooms and no log holds. */
import type { RoomId } from '../protocol/ids.js'
import type { NodeId } from './node-id.js'

/** `payload` is the listener's to keep; `sender` is another one after each start of a node. */
export type SignalListener = (payload: Buffer, sender: NodeId) => void

/**
 * At most once, in the order in which each node said it, dropped while there is no way to the others. A node never hears
 * itself. Also the injection token.
 */
export abstract class RoomSignals {
  /** To all other nodes that listen to the room. */
  abstract publish(room: RoomId, payload: Buffer): void
  /** Until the returned function is called. */
  abstract listen(room: RoomId, listener: SignalListener): () => void
}

/** A node alone has nobody to tell and nobody to hear. */
export class LoneRoomSignals extends RoomSignals {
  override publish(): void {}

  override listen(): () => void {
    return () => undefined
  }
}
