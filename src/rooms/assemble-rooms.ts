/** Store, memberships and ends of rooms, put together as a lone node needs them or as a node of a cluster does. */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import type { RoomLog } from '../log/room-log.js'
import type { RoomOwnership } from '../log/room-ownership.js'
import type { Sharing } from '../log/sharing.js'
import type { SharedStateStore, StateStore } from '../log/state-store.js'
import type { SessionsService } from '../sessions/sessions.service.js'
import { MembershipService } from './membership.service.js'
import type { Presence } from './presence.js'
import { SoleRoomEnds } from './room-ends.js'
import type { RoomRegistry } from './room-registry.js'
import { RoomReplica } from './room-replica.js'
import { RoomStore } from './room-store.js'
import { SoleRoomWrites } from './room-writes.js'
import { readRooms, readSharedRooms } from './saved-rooms.js'
import { SharedRoomEnds } from './shared-room-ends.js'
import { SharedRoomWrites } from './shared-room-writes.js'

interface CommonParts {
  readonly registry: RoomRegistry
  readonly log: RoomLog
  readonly delivery: RoomDelivery
  readonly sessions: SessionsService
  readonly presence: Presence
  readonly settings: Settings
  readonly clock: Clock
  readonly maxUnsettledKeys?: number
}

export interface AssembledRooms {
  /** Its `onModuleInit` loads the rooms. */
  readonly store: RoomStore
  readonly memberships: MembershipService
  /** `undefined`: this node is alone. */
  readonly replica: RoomReplica | undefined
}

interface RoomsParts extends CommonParts {
  readonly sharing: Sharing
  readonly state: StateStore
  readonly ownership: RoomOwnership
}

export function assembleRooms(parts: RoomsParts): AssembledRooms {
  const { sharing, state, ownership } = parts
  return sharing.kind === 'alone' ? sole({ ...parts, state }) : shared({ ...parts, state: sharing.state, ownership })
}

function sole(parts: CommonParts & { readonly state: StateStore }): AssembledRooms {
  const store = new RoomStore({ ...parts, writes: new SoleRoomWrites(parts), readRooms: () => readRooms(parts.state) })
  const ends = new SoleRoomEnds({ ...parts, store })
  return { store, memberships: new MembershipService({ ...parts, store, ends }), replica: undefined }
}

function shared(
  parts: CommonParts & { readonly state: SharedStateStore; readonly ownership: RoomOwnership },
): AssembledRooms {
  const writes = new SharedRoomWrites(parts)
  const store = new RoomStore({
    ...parts,
    writes,
    readRooms: async () => {
      const saved = await readSharedRooms(parts.state)
      // Nothing can have changed in between: both are in memory.
      replica.follow()
      return saved
    },
  })
  const ends = new SharedRoomEnds({ ...parts, store })
  const memberships = new MembershipService({ ...parts, store, ends })
  const replica = new RoomReplica({ ...parts, store, memberships, ends })
  writes.onOvertaken((room) => replica.followRoom(room))
  return { store, memberships, replica }
}
