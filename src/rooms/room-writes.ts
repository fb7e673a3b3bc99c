/** How what memory says of rooms gets into the store. A lone node writes it as it is. */
import type { RoomLog } from '../log/room-log.js'
import type { StateStore } from '../log/state-store.js'
import type { RoomId } from '../protocol/ids.js'
import type { RoomKey } from './room-key.js'
import type { RoomRegistry } from './room-registry.js'
import { encodeBanValue, encodeMemberValue, encodeRoomValue } from './room-values.js'

/** What is said of a membership that has ended. */
export interface Removal {
  /** Why, for other nodes. */
  readonly note: Buffer
  /** Its entry, as this node knew it; `undefined`: it knew of none. */
  readonly ended: Buffer | undefined
  /** Only that one goes: the user may have another membership by now, by another node. */
  readonly isExact: boolean
}

export interface RoomWrites {
  /** Brings the entry to what memory says now. */
  write(key: RoomKey, removal?: Removal): Promise<void>
  /** What a room that is gone left behind is cleared away: so is its log. */
  forgetLog(room: RoomId): Promise<void>
}

interface SoleWritesParts {
  readonly state: StateStore
  readonly log: Pick<RoomLog, 'deleteRoom'>
  readonly registry: RoomRegistry
}

export class SoleRoomWrites implements RoomWrites {
  constructor(private readonly parts: SoleWritesParts) {}

  write(key: RoomKey): Promise<void> {
    const { state, registry } = this.parts
    const value = valueInMemory(registry, key)
    return value === undefined ? state.remove(key) : state.put(key, value)
  }

  forgetLog(room: RoomId): Promise<void> {
    return this.parts.log.deleteRoom(room)
  }
}

/** `undefined`: nothing of the sort. */
export function valueInMemory(registry: RoomRegistry, [table, id, user]: RoomKey): Buffer | undefined {
  const room = registry.get(id)
  if (room === undefined) return undefined
  if (table === 'room') return encodeRoomValue(room)
  if (table === 'ban') return room.isBanned(user) ? encodeBanValue(room) : undefined
  const member = room.member(user)
  if (member === undefined) return undefined
  const { username, joinedAtMs } = member
  return encodeMemberValue({ incarnation: room.incarnation, username, joinedAtMs })
}
