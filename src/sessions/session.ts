import type { RoomId, SessionId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'

/** One authenticated device of a user, on one connection of its. Made and refreshed by `SessionsService` only. */
export class Session {
  #rooms: Set<RoomId> | undefined

  constructor(
    readonly id: SessionId,
    readonly connection: ConnectionHandle,
    /** Replaced by each refresh; the user in it never changes. */
    public principal: Principal,
    /** Of the tickets it is given. */
    readonly generation: number,
  ) {}

  /** Rooms this device hears. Made at the first look, since most of 10,000 idle sessions never join. */
  get rooms(): Set<RoomId> {
    return (this.#rooms ??= new Set())
  }
}
