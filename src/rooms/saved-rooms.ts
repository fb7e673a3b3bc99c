/** The rooms as the store has them: read once, before anybody is served. */
import { StartUpError } from '../config/start-up-error.js'
import type { StateEntry, StateStore } from '../log/state-store.js'
import { parseRoomId, parseUserId, type RoomId, type UserId } from '../protocol/ids.js'
import type { RoomKey } from './room-key.js'
import { decodeBanValue, decodeMemberValue, decodeRoomValue, UnreadableValue } from './room-values.js'
import { Room, type Member } from './room.js'

interface SavedRooms {
  /** Those that have members. */
  readonly rooms: readonly Room[]
  /** Entries that say something else, and must be brought to it: most belong to rooms that are gone. */
  readonly stale: readonly RoomKey[]
}

/** Rejects with `StartUpError` if an entry cannot be read. */
export async function readRooms(state: StateStore): Promise<SavedRooms> {
  const founded = new Map<RoomId, Room>()
  const stale: RoomKey[] = []
  for await (const entry of state.entries(['room'])) {
    const id = roomIn(entry)
    const { owner, createdAtMs, incarnation } = valueOf(entry, decodeRoomValue)
    founded.set(id, new Room(id, { founder: owner, createdAtMs, incarnation }))
  }
  for await (const entry of state.entries(['ban'])) {
    const room = founded.get(roomIn(entry))
    if (room?.incarnation === valueOf(entry, decodeBanValue).incarnation) room.ban(userIn(entry))
    else stale.push(['ban', roomIn(entry), userIn(entry)])
  }
  for await (const [id, entries] of byRoom(state.entries(['member']))) {
    const room = founded.get(id)
    const members: [UserId, Member][] = []
    for (const entry of entries) {
      const user = userIn(entry)
      const { incarnation, username, joinedAtMs } = valueOf(entry, decodeMemberValue)
      // A ban is written before the membership that it ends goes.
      if (room?.incarnation !== incarnation || room.isBanned(user)) stale.push(['member', id, user])
      else members.push([user, { username, joinedAtMs, devices: 0 }])
    }
    if (room !== undefined) restore(room, members, stale)
  }
  for (const room of founded.values()) if (room.memberCount === 0) forget(room, stale)
  return { rooms: [...founded.values()].filter(({ memberCount }) => memberCount > 0), stale }
}

function restore(room: Room, members: readonly [UserId, Member][], stale: RoomKey[]): void {
  const { owner } = room
  room.restore(members)
  if (room.owner !== owner) stale.push(['room', room.id])
}

function forget(room: Room, stale: RoomKey[]): void {
  stale.push(['room', room.id])
  for (const user of room.bans()) stale.push(['ban', room.id, user])
}

/** The entries of a room follow each other. */
async function* byRoom(entries: AsyncIterable<StateEntry>): AsyncIterable<[RoomId, readonly StateEntry[]]> {
  let current: [RoomId, StateEntry[]] | undefined
  for await (const entry of entries) {
    const id = roomIn(entry)
    if (current?.[0] !== id) {
      if (current !== undefined) yield current
      current = [id, []]
    }
    current[1].push(entry)
  }
  if (current !== undefined) yield current
}

const roomIn = (entry: StateEntry): RoomId => parseRoomId(entry.key[1] ?? '') ?? refuse(entry, 'its key has no room')
const userIn = (entry: StateEntry): UserId => parseUserId(entry.key[2] ?? '') ?? refuse(entry, 'its key has no user')

function valueOf<Value>(entry: StateEntry, decode: (value: Buffer) => Value): Value {
  try {
    return decode(entry.value)
  } catch (error) {
    if (error instanceof UnreadableValue) return refuse(entry, error.message, error)
    throw error
  }
}

function refuse({ key }: StateEntry, reason: string, cause?: Error): never {
  const place = `[${key.map((name) => JSON.stringify(name)).join(', ')}]`
  throw new StartUpError(`the entry ${place} in the data folder (NESTWIRE_DATA_DIR) cannot be read: ${reason}`, {
    cause,
  })
}
