import { parseRoomId, parseUserId, type RoomId, type UserId } from '../../src/protocol/ids.js'

export function roomId(name: string): RoomId {
  const id = parseRoomId(name)
  if (id === undefined) throw new Error(`${name} is no room name`)
  return id
}

export function userId(name: string): UserId {
  const id = parseUserId(name)
  if (id === undefined) throw new Error(`${name} is no user name`)
  return id
}
