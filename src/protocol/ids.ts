/**
 * Branded identifiers: a `RoomId` cannot be passed where a `UserId` is wanted.
 * The casts live in this file only; everything from outside goes through a `parse…`.
 */
declare const brand: unique symbol
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

export type RoomId = Brand<string, 'RoomId'>
export type UserId = Brand<string, 'UserId'>
export type SessionId = Brand<string, 'SessionId'>
export type ConnectionId = Brand<string, 'ConnectionId'>
/** Position of a record in its room: grows strictly, starts at 1; 0 means "before the first". */
export type Seq = Brand<number, 'Seq'>
/** One incarnation of a room's log; a wiped or recreated room has another one. */
export type Epoch = Brand<number, 'Epoch'>

/** Room and user names: 1–128 bytes of UTF-8 on the wire. */
export const MAX_NAME_BYTES = 128

const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._:@/#+-]*$/
// Letters, marks, digits, punctuation, symbols; single inner spaces. No controls, no zero-width or bidi format characters.
const UNICODE_NAME = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u
// Letters, marks and symbols that show nothing: fillers, variation selectors, blanks. What looks like `alice` is `alice`.
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u

function isName(text: string): boolean {
  if (text.length === 0 || text.length > MAX_NAME_BYTES) return false
  if (PLAIN_NAME.test(text)) return true
  if (!UNICODE_NAME.test(text) || UNSEEN.test(text)) return false
  return text === text.normalize('NFC') && Buffer.byteLength(text) <= MAX_NAME_BYTES
}

/** `undefined` if `text` is no room name: empty, too long, not NFC, or with characters nobody can see. */
export const parseRoomId = (text: string): RoomId | undefined => (isName(text) ? (text as RoomId) : undefined)
/** `undefined` if `text` is no user name; same rule as for rooms. */
export const parseUserId = (text: string): UserId | undefined => (isName(text) ? (text as UserId) : undefined)
/** `undefined` unless `value` is a whole number from 0 to 2^53 − 1. */
export const parseSeq = (value: number): Seq | undefined =>
  Number.isSafeInteger(value) && value >= 0 ? (value as Seq) : undefined

/** For ids that this process made itself (or read from its own log), never for wire data. */
export const trustedSeq = (value: number): Seq => value as Seq
export const trustedEpoch = (value: number): Epoch => value as Epoch
export const trustedSessionId = (value: string): SessionId => value as SessionId
export const trustedConnectionId = (value: string): ConnectionId => value as ConnectionId

export const NO_SEQ = 0 as Seq
/** Of no log. */
export const NO_EPOCH = 0 as Epoch
