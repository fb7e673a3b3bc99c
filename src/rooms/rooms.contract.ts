/** Payloads and replies of `rooms.*`, and the events a room sends. `docs/PATTERNS.md` is the same in prose. */
import { z } from 'zod'
import { parseRoomId, parseUserId, type Epoch, type RoomId, type Seq, type UserId } from '../protocol/ids.js'

const MAX_LISTED_ROOMS = 100
const MAX_LISTED_MEMBERS = 200
const MAX_CURSOR_CHARACTERS = 128

export const roomName = z.string().transform((text, context): RoomId => {
  const room = parseRoomId(text)
  if (room !== undefined) return room
  context.addIssue({ code: 'custom', message: 'is not a room name' })
  return z.NEVER
})

const userName = z.string().transform((text, context): UserId => {
  const user = parseUserId(text)
  if (user !== undefined) return user
  context.addIssue({ code: 'custom', message: 'is not a user name' })
  return z.NEVER
})

/** The last name of the page before; any text, since the name may be gone by now. */
const cursor = z.string().max(MAX_CURSOR_CHARACTERS).optional()
const limit = (max: number) => z.int().min(1).max(max).default(max)

const oneRoom = z.strictObject({ room: roomName })
const oneUser = z.strictObject({ room: roomName, user: userName })

export const roomsPayloads = {
  'rooms.create': oneRoom,
  'rooms.join': oneRoom,
  'rooms.leave': oneRoom,
  'rooms.list': z.strictObject({ after: cursor, limit: limit(MAX_LISTED_ROOMS) }).prefault({}),
  'rooms.info': oneRoom,
  'rooms.members': z.strictObject({ room: roomName, after: cursor, limit: limit(MAX_LISTED_MEMBERS) }),
  'rooms.kick': oneUser,
  'rooms.ban': oneUser,
  'rooms.unban': oneUser,
} as const

type RoomsPattern = keyof typeof roomsPayloads
export type RoomsPayload<Pattern extends RoomsPattern> = z.output<(typeof roomsPayloads)[Pattern]>

type RoomRoleName = 'owner' | 'member'

/** Reply of `rooms.create`: how the caller stands in the room. */
export interface CreateReply {
  readonly room: RoomId
  readonly role: RoomRoleName
  readonly members: number
}

/** Reply of `rooms.join`: deliveries to this connection start exactly after `seq`. */
export interface JoinReply extends CreateReply {
  readonly epoch: Epoch
  readonly seq: Seq
}

/** Reply of `rooms.leave`, `kick`, `ban` and `unban`: false if it was so already. */
export interface ChangeReply {
  readonly room: RoomId
  readonly changed: boolean
}

export interface ListedRoom {
  readonly room: RoomId
  readonly members: number
  readonly online: number
}
export interface ListReply {
  readonly rooms: readonly ListedRoom[]
  readonly more: boolean
}

export interface InfoReply extends ListedRoom {
  readonly owner: UserId
  readonly epoch: Epoch
  readonly seq: Seq
  readonly createdAtMs: number
}

interface ListedMember {
  readonly user: UserId
  readonly username: string
  readonly role: RoomRoleName
  readonly online: boolean
}
export interface MembersReply {
  readonly members: readonly ListedMember[]
  readonly more: boolean
}

/** Events from the server, with their bodies. */
export interface RoomsEvents {
  /** To every device of a user whose membership ended. */
  readonly 'rooms.left': { readonly room: RoomId; readonly reason: LeftReason }
  /** To the room, paced; the newest counts, never logged. */
  readonly 'rooms.presence': ListedRoom
}
export type LeftReason = 'left' | 'kicked' | 'banned'
