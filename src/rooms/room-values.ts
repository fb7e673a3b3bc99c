/**
 * What the store says of rooms, members and bans, in bytes, big-endian. Pure. Any change of meaning takes another version.
 *
 *   ['room', room]           version:u8 incarnation:u48 createdAt:u48 owner
 *     that is being deleted  closing:u8 incarnation:u48 createdAt:u48 epoch:u48 owner   (closing: 2, sealed: 3)
 *   ['member', room, user]   version:u8 incarnation:u48 joinedAt:u48 username
 *   ['ban', room, user]      version:u8 incarnation:u48
 *
 * A name is UTF-8 and goes to the end. Who reads throws `UnreadableValue`.
 */
import { parseUserId, trustedEpoch, type Epoch, type UserId } from '../protocol/ids.js'
import { utf8Between } from '../protocol/utf8.js'

const VERSION = 1
/** In place of the version of a room. */
const CLOSING = 2
const SEALED = 3

const U48_BYTES = 6
const INCARNATION_AT = 1
const TIME_AT = INCARNATION_AT + U48_BYTES
const NAME_AT = TIME_AT + U48_BYTES
const CLOSING_NAME_AT = NAME_AT + U48_BYTES
const BAN_BYTES = TIME_AT

export class UnreadableValue extends Error {
  override readonly name = 'UnreadableValue'
}

/** Random for each room that is founded: what was said of an earlier room of that name does not count. */
interface OfIncarnation {
  readonly incarnation: number
}

export interface RoomValue extends OfIncarnation {
  readonly createdAtMs: number
  readonly owner: UserId
  /** A node deletes it, with the log of that epoch. Only in a cluster, where others may be about to join. */
  readonly closing?: Epoch | undefined
  /** Of a room that closes: it is decided, and it cannot be opened again. */
  readonly isSealed?: boolean
}

export interface MemberValue extends OfIncarnation {
  readonly joinedAtMs: number
  readonly username: string
}

export function encodeRoomValue({ incarnation, createdAtMs, owner, closing, isSealed }: RoomValue): Buffer {
  if (closing === undefined) return timedName(incarnation, createdAtMs, owner)
  const value = timedName(incarnation, createdAtMs, '\0'.repeat(U48_BYTES) + owner)
  value[0] = isSealed === true ? SEALED : CLOSING
  value.writeUIntBE(closing, NAME_AT, U48_BYTES)
  return value
}

export const encodeMemberValue = ({ incarnation, joinedAtMs, username }: MemberValue): Buffer =>
  timedName(incarnation, joinedAtMs, username)

export function encodeBanValue({ incarnation }: OfIncarnation): Buffer {
  const value = Buffer.allocUnsafe(BAN_BYTES)
  value[0] = VERSION
  value.writeUIntBE(incarnation, INCARNATION_AT, U48_BYTES)
  return value
}

export function decodeRoomValue(value: Buffer): RoomValue {
  const isSealed = value[0] === SEALED
  const isClosing = isSealed || value[0] === CLOSING
  checkForm(value, isClosing ? CLOSING_NAME_AT : NAME_AT, isClosing ? value[0] : VERSION)
  const room = { incarnation: incarnationOf(value), createdAtMs: timeOf(value) }
  if (!isClosing) return { ...room, owner: nameOf(value, NAME_AT) }
  const closing = trustedEpoch(value.readUIntBE(NAME_AT, U48_BYTES))
  return { ...room, owner: nameOf(value, CLOSING_NAME_AT), closing, isSealed }
}

export function decodeMemberValue(value: Buffer): MemberValue {
  checkForm(value, NAME_AT)
  return { incarnation: incarnationOf(value), joinedAtMs: timeOf(value), username: nameOf(value, NAME_AT) }
}

export function decodeBanValue(value: Buffer): OfIncarnation {
  checkForm(value, BAN_BYTES)
  if (value.length > BAN_BYTES) throw new UnreadableValue(`${value.length - BAN_BYTES} bytes too many`)
  return { incarnation: incarnationOf(value) }
}

function timedName(incarnation: number, timeMs: number, name: string): Buffer {
  const value = Buffer.allocUnsafe(NAME_AT + Buffer.byteLength(name))
  value[0] = VERSION
  value.writeUIntBE(incarnation, INCARNATION_AT, U48_BYTES)
  value.writeUIntBE(timeMs, TIME_AT, U48_BYTES)
  value.write(name, NAME_AT, 'utf8')
  return value
}

function checkForm(value: Buffer, minBytes: number, expected: number = VERSION): void {
  const [version] = value
  if (version !== undefined && version !== expected) {
    throw new UnreadableValue(`it is of version ${version}; this server knows ${VERSION}`)
  }
  if (value.length < minBytes) throw new UnreadableValue(`it has ${value.length} bytes, not ${minBytes}`)
}

const incarnationOf = (value: Buffer): number => value.readUIntBE(INCARNATION_AT, U48_BYTES)
const timeOf = (value: Buffer): number => value.readUIntBE(TIME_AT, U48_BYTES)

function nameOf(value: Buffer, at: number): UserId {
  const name = parseUserId(utf8Between(value, at, value.length) ?? '')
  if (name === undefined) throw new UnreadableValue('the name in it cannot be one')
  return name
}
