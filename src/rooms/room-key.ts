import type { RoomId, UserId } from '../protocol/ids.js'

/** What the store keeps of rooms: the room itself, one member, one ban. */
export type RoomKey =
  readonly [table: 'room', room: RoomId] | readonly [table: 'member' | 'ban', room: RoomId, user: UserId]
