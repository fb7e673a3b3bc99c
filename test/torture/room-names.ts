import { parseRoomId, type RoomId } from '../../src/protocol/ids.js'

/** Throws if one cannot be a room's name. */
export const roomsNamed = (first: string, ...more: readonly string[]): [RoomId, ...RoomId[]] => [
  roomNamed(first),
  ...more.map(roomNamed),
]

function roomNamed(name: string): RoomId {
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room's name`)
  return room
}
