/**
 * Payloads and replies of `rooms.*`, and the events a room sends: what the server checks payloads against and clients
 * replies, and where the types of both come from. `docs/PATTERNS.md` is the same in prose.
 */
import { z } from 'zod'
import {
  parseRoomId,
  parseSeq,
  parseUserId,
  trustedEpoch,
  type RoomId,
  type Seq,
  type UserId,
} from '../protocol/ids.js'

const MAX_LISTED_ROOMS = 100
const MAX_LISTED_MEMBERS = 200
const MAX_CURSOR_CHARACTERS = 128
const MAX_SIGNAL_NAME_BYTES = 64

export const roomName = z.string().transform((text, context): RoomId => {
  const room = parseRoomId(text)
  if (room !== undefined) return room
  context.addIssue({ code: 'custom', message: 'is not a room name' })
  return z.NEVER
})

export const userName = z.string().transform((text, context): UserId => {
  const user = parseUserId(text)
  if (user !== undefined) return user
  context.addIssue({ code: 'custom', message: 'is not a user name' })
  return z.NEVER
})

export const seq = z.int().transform((value, context): Seq => {
  const parsed = parseSeq(value)
  if (parsed !== undefined) return parsed
  context.addIssue({ code: 'custom', message: 'is not a sequence number' })
  return z.NEVER
})

/** Of a reply: whatever number the server says. */
export const epoch = z.number().transform(trustedEpoch)

/** The last name of the page before; any text, since the name may be gone by now. */
const cursor = z.string().max(MAX_CURSOR_CHARACTERS).optional()
const limit = (max: number) => z.int().min(1).max(max).default(max)

const signalName = z.string().refine((name) => name !== '' && Buffer.byteLength(name) <= MAX_SIGNAL_NAME_BYTES, {
  error: `is not 1 to ${MAX_SIGNAL_NAME_BYTES} bytes of text`,
})

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
  'rooms.signal': z.strictObject({ room: roomName, name: signalName, data: z.unknown().optional() }),
} as const

type RoomsPattern = keyof typeof roomsPayloads
export type RoomsPayload<Pattern extends RoomsPattern> = z.output<(typeof roomsPayloads)[Pattern]>

/** What a client sends. */
export type RoomsRequest<Pattern extends RoomsPattern> = z.input<(typeof roomsPayloads)[Pattern]>

const roleName = z.enum(['owner', 'member'])

/** How the caller stands in the room. */
const createReply = z.object({ room: roomName, role: roleName, members: z.number() }).readonly()
export type CreateReply = z.output<typeof createReply>

/** Deliveries to this connection start exactly after `seq`. */
const joinReply = z.object({ ...createReply.unwrap().shape, epoch, seq }).readonly()
export type JoinReply = z.output<typeof joinReply>

/** Of `rooms.leave`, `kick`, `ban` and `unban`; `changed`: false if it was so already. */
const changeReply = z.object({ room: roomName, changed: z.boolean() }).readonly()
export type ChangeReply = z.output<typeof changeReply>

const listedRoom = z.object({ room: roomName, members: z.number(), online: z.number() }).readonly()
export type ListedRoom = z.output<typeof listedRoom>
const listReply = z.object({ rooms: z.array(listedRoom).readonly(), more: z.boolean() }).readonly()
export type ListReply = z.output<typeof listReply>

const infoReply = z
  .object({ ...listedRoom.unwrap().shape, owner: userName, epoch, seq, createdAtMs: z.number() })
  .readonly()
export type InfoReply = z.output<typeof infoReply>

const listedMember = z.object({ user: userName, username: z.string(), role: roleName, online: z.boolean() }).readonly()
const membersReply = z.object({ members: z.array(listedMember).readonly(), more: z.boolean() }).readonly()
export type MembersReply = z.output<typeof membersReply>

/** It was passed on to whoever is connected and has room for it. */
const signalReply = z.object({ room: roomName }).readonly()
export type SignalReply = z.output<typeof signalReply>

/** Fields that a newer server adds are dropped. */
export const roomsReplies = {
  'rooms.create': createReply,
  'rooms.join': joinReply,
  'rooms.leave': changeReply,
  'rooms.list': listReply,
  'rooms.info': infoReply,
  'rooms.members': membersReply,
  'rooms.kick': changeReply,
  'rooms.ban': changeReply,
  'rooms.unban': changeReply,
  'rooms.signal': signalReply,
} as const satisfies Record<RoomsPattern, z.ZodType>

/** Asked twice they do what they do once, but for `changed`, which tells of the second time. */
export const repeatableRoomsPatterns = [
  'rooms.join',
  'rooms.leave',
  'rooms.list',
  'rooms.info',
  'rooms.members',
  'rooms.kick',
  'rooms.ban',
  'rooms.unban',
] as const satisfies readonly RoomsPattern[]

const leftReason = z.enum(['left', 'kicked', 'banned'])
export type LeftReason = z.output<typeof leftReason>

/** Events from the server, with their bodies. */
export const roomsEvents = {
  /** To every device of a user whose membership ended. */
  'rooms.left': z.object({ room: roomName, reason: leftReason }).readonly(),
  /** To the room, paced; the newest counts, never logged. */
  'rooms.presence': listedRoom,
  /** From a member to the others that are connected. */
  'rooms.signal': z
    .object({ room: roomName, name: z.string(), from: userName, data: z.unknown().optional() })
    .readonly(),
} as const
export type RoomsEvents = { readonly [Pattern in keyof typeof roomsEvents]: z.output<(typeof roomsEvents)[Pattern]> }
