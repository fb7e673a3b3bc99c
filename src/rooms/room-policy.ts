import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import type { RoomId } from '../protocol/ids.js'
import type { Principal } from '../transport/authentication.js'
import type { Standing } from './room.js'

/**
 * Who may do what; also the injection token, so that an application can put its own rules in place of the default ones.
 * Asked on each call, so answers must come at once. Facts (room full, user banned) are not its business.
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

@Injectable()
export class DefaultRoomPolicy extends RoomPolicy {
  constructor(private readonly settings: Settings) {
    super()
  }

  override mayCreate(caller: Principal): boolean {
    return this.settings.current.rooms.open || actsForSystem(caller)
  }

  override mayJoin(): boolean {
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
