import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import type { RoomId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { Standing } from './room.js'

/**
 * Who may do what; also the injection token. An application gives `NestwireModule` its own rules as `roomPolicy`.
 * Asked on each call, and by a resume for each room, so answers must come at once. Facts are not its business: whoever is
 * banned does not join, and nobody joins a room that is full.
 */
export abstract class RoomPolicy {
  /** By `rooms.create` or by the first join. */
  abstract mayCreate(caller: Principal, room: RoomId): boolean
  abstract mayJoin(caller: Principal, room: RoomId, standing: Standing): boolean
  abstract maySend(caller: Principal, room: RoomId, standing: Standing): boolean
  /** History and the list of members. */
  abstract mayRead(caller: Principal, room: RoomId, standing: Standing): boolean
  /** Kick, ban and unban; `standing` is the caller's, `target` that of the user it is about. */
  abstract mayRemove(
    caller: Principal,
    room: RoomId,
    by: { readonly standing: Standing; readonly target: Standing },
  ): boolean
}

/** Services and admins act for the system, in any room, without being members. */
export const actsForSystem = (caller: Principal): boolean => caller.role !== 'user'

const belongs = (standing: Standing): boolean => standing === 'owner' || standing === 'member'

/** Each method has all its parameters, so that a class that extends this one may use them. */
@Injectable()
export class DefaultRoomPolicy extends RoomPolicy {
  constructor(private readonly settings: Settings) {
    super()
  }

  override mayCreate(caller: Principal, _room: RoomId): boolean {
    return this.settings.current.rooms.open || actsForSystem(caller)
  }

  override mayJoin(_caller: Principal, _room: RoomId, _standing: Standing): boolean {
    return true
  }

  override maySend(caller: Principal, _room: RoomId, standing: Standing): boolean {
    return belongs(standing) || actsForSystem(caller)
  }

  override mayRead(caller: Principal, _room: RoomId, standing: Standing): boolean {
    return belongs(standing) || actsForSystem(caller)
  }

  /** Only the system removes an owner, who may leave but not kick or ban itself. */
  override mayRemove(
    caller: Principal,
    _room: RoomId,
    { standing, target }: { readonly standing: Standing; readonly target: Standing },
  ): boolean {
    return actsForSystem(caller) || (standing === 'owner' && target !== 'owner')
  }
}
