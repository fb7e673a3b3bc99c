/** The rooms as the store has them: read once, before anybody is served. */
import { StartUpError } from '../config/start-up-error.js'
import type { StateEntry, StateStore } from '../log/state-store.js'
import { parseRoomId, parseUserId, type RoomId, type UserId } from '../protocol/ids.js'
import type { RoomKey } from './room-key.js'
import { decodeBanValue, decodeMemberValue, decodeRoomValue, UnreadableValue } from './room-values.js'
import { Room, type Member } from './room.js'

export interface SavedRooms {
  /** Those that have members. */
  readonly rooms: readonly Room[]
  /** Entries that say something else, and must be brought to it: most belong to rooms that are gone. */
  readonly stale: readonly RoomKey[]
}

/** Rejects with `StartUpError` if an entry cannot be read. */
export async function readRooms(state: StateStore): Promise<SavedRooms> {
  const { founded, stale } = await readAll(state, 'the data folder (NESTWIRE_DATA_DIR)')
  for (const room of founded) if (room.memberCount === 0) forget(room, stale)
  return { rooms: founded.filter(({ memberCount }) => memberCount > 0), stale }
}

/**
 * The same of a store that other nodes write to: what looks stale may be on its way, and a room without members may be
 * about to get one. So all rooms are there, and nothing is cleared away. Rejects with `StartUpError`, too.
 */
export async function readSharedRooms(state: StateStore): Promise<SavedRooms> {
  const { founded } = await readAll(state, 'the bucket NESTWIRE_CLUSTER_NAME-state of NATS')
  for (const room of founded) room.isSaved = true
  return { rooms: founded, stale: [] }
}

interface Found {
  readonly founded: readonly Room[]
  readonly stale: RoomKey[]
}

/** `where` is for whoever has to mend an entry. */
async function readAll(state: StateStore, where: string): Promise<Found> {
  try {
    return await find(state)
  } catch (error) {
    if (!(error instanceof UnreadableEntry)) throw error
    const { place, message, cause } = error
    throw new StartUpError(`the entry ${place} in ${where} cannot be read: ${message}`, { cause })
  }
}

async function find(state: StateStore): Promise<Found> {
  const founded = new Map<RoomId, Room>()
  const stale: RoomKey[] = []
  for await (const entry of state.entries(['room'])) {
    const id = roomIn(entry)
    const { owner, createdAtMs, incarnation, closing } = valueOf(entry, decodeRoomValue)
    const room = new Room(id, { founder: owner, createdAtMs, incarnation })
    room.isClosing = closing !== undefined
    founded.set(id, room)
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
  return { founded: [...founded.values()], stale }
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

class UnreadableEntry extends Error {
  constructor(
    readonly place: string,
    reason: string,
    options: ErrorOptions,
  ) {
    super(reason, options)
  }
}

function refuse({ key }: StateEntry, reason: string, cause?: Error): never {
  throw new UnreadableEntry(`[${key.map((name) => JSON.stringify(name)).join(', ')}]`, reason, { cause })
}
