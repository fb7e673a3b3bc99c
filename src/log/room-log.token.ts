/** Injection token of the `RoomLog` port. */
export const ROOM_LOG = Symbol('RoomLog')
