/** Injection token of the `LogEngine` that the ports below are of. */
export const LOG_ENGINE = Symbol('LogEngine')
/** Injection token of the `RoomLog` port. */
export const ROOM_LOG = Symbol('RoomLog')
/** Injection token of the `RoomJournal` port. */
export const ROOM_JOURNAL = Symbol('RoomJournal')
/** Injection token of the `StateStore` port. */
export const STATE_STORE = Symbol('StateStore')
/** Injection token of a `Sharing`. */
export const SHARING = Symbol('Sharing')
