/**
 * What is where in the store, in bytes, big-endian. Pure. Any change of meaning takes another `STORE_FORMAT`.
 *
 *   0                     the store:  format:u16 incarnation:u48 inode:u64 nextRoom:u48 bytes:u48
 *   1 room:u48            a deleted room whose records are still to be removed: nothing
 *   2 name                a room:     room:u48 salt:u48 first:u48 last:u48 bytes:u48 oldestTime:u48
 *   3 room:u48 seq:u48    a record:   kind:u8 time:u48 sender:str8 body
 *   4 (text 0)*           state:      what its owner made of it; the text is that of `state-key.ts`
 *   5 number:u48          ids of recent messages, the first of which has this number:
 *                         at:u48 horizon:u48 count:u16 (salt:u48 seq:u48 id:16 time:u48 sender:str8)*, horizon 0: none
 *
 * The numbers of a room's records have no holes, so a record's `prev` is the number before its own, and a room of which
 * all records are gone still knows the last. `room` is a number that is never given twice.
 */
import { parseRoomId, parseUserId, trustedSeq, type RoomId, type UserId } from '../../protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../protocol/packets.js'
import { keyOfText } from '../state-key.js'
import type { StateKey } from '../state-store.js'

export const STORE_FORMAT = 2

export interface StoreValue {
  /** Random: with another one every epoch is another. */
  readonly incarnation: number
  /** Of the file it was written in; a copy of the file has another. */
  readonly inode: bigint
  readonly nextRoom: number
  /** Of all records, each with `RECORD_OVERHEAD_BYTES`. */
  readonly bytes: number
}

export interface RoomValue {
  /** From 1. */
  readonly room: number
  /** Random: with the store's incarnation it makes the epoch. */
  readonly salt: number
  /** Seq of the oldest record; one above `last` if there is none. */
  readonly first: number
  readonly last: number
  /** Of bodies alone. */
  readonly bytes: number
  /** At most the time of the oldest record. */
  readonly oldestTimeMs: number
}

/** Key and bookkeeping of LMDB beside a record's value. */
export const RECORD_OVERHEAD_BYTES = 32

const Prefix = { Store: 0, Deleted: 1, Room: 2, Record: 3, State: 4, Ids: 5 } as const
export const U48_BYTES = 6
const RECORD_KEY_BYTES = 1 + 2 * U48_BYTES
const RECORD_HEADER_BYTES = 1 + U48_BYTES + 1
const STORE_BYTES = 2 + U48_BYTES + 8 + 2 * U48_BYTES
const ROOM_BYTES = 6 * U48_BYTES

/** Takes memory for keys and values; what it gives is written to at once and wholly. */
type Allocate = (bytes: number) => Buffer

const fresh: Allocate = (bytes) => Buffer.allocUnsafe(bytes)

export const STORE_KEY = Buffer.of(Prefix.Store)

export function deletedKey(room: number): Buffer {
  const key = Buffer.of(Prefix.Deleted, 0, 0, 0, 0, 0, 0)
  key.writeUIntBE(room, 1, U48_BYTES)
  return key
}

export const roomOfDeletedKey = (key: Buffer): number => key.readUIntBE(1, U48_BYTES)
export const DELETED_START = Buffer.of(Prefix.Deleted)
export const DELETED_END = Buffer.of(Prefix.Deleted + 1)

/** An empty name sorts before all rooms. */
export const roomKey = (name: RoomId | ''): Buffer => Buffer.from(`${String.fromCharCode(Prefix.Room)}${name}`)
export const nameOfRoomKey = (key: Buffer): RoomId => named(parseRoomId(key.toString('utf8', 1)), 'a room')
export const ROOMS_END = Buffer.of(Prefix.Room + 1)

export function recordKey(room: number, seq: number, allocate: Allocate = fresh): Buffer {
  const key = allocate(RECORD_KEY_BYTES)
  key[0] = Prefix.Record
  key.writeUIntBE(room, 1, U48_BYTES)
  key.writeUIntBE(seq, 1 + U48_BYTES, U48_BYTES)
  return key
}

export const seqOfRecordKey = (key: Buffer): number => key.readUIntBE(1 + U48_BYTES, U48_BYTES)

export const stateKey = (text: string): Buffer => Buffer.from(`${String.fromCharCode(Prefix.State)}${text}`)
export const keyOfStateKey = (key: Buffer): StateKey => named(keyOfText(key.toString('utf8', 1)), 'an entry')

/** Behind all keys whose text begins with `text`, which ends with U+0000. */
export function stateKeysEnd(text: string): Buffer {
  const end = stateKey(text)
  end[end.length - 1] = 1
  return end
}

export function idsKey(number: number): Buffer {
  const key = Buffer.of(Prefix.Ids, 0, 0, 0, 0, 0, 0)
  key.writeUIntBE(number, 1, U48_BYTES)
  return key
}

export const numberOfIdsKey = (key: Buffer): number => key.readUIntBE(1, U48_BYTES)
export const IDS_START = Buffer.of(Prefix.Ids)
export const IDS_END = Buffer.of(Prefix.Ids + 1)

export function encodeRecord({ kind, timeMs, sender, body }: RoomRecord, allocate: Allocate): Buffer {
  const senderBytes = Buffer.byteLength(sender)
  const value = allocate(RECORD_HEADER_BYTES + senderBytes + body.length)
  value[0] = kind
  value.writeUIntBE(timeMs, 1, U48_BYTES)
  value[1 + U48_BYTES] = senderBytes
  value.write(sender, RECORD_HEADER_BYTES, 'utf8')
  body.copy(value, RECORD_HEADER_BYTES + senderBytes)
  return value
}

/** Where time and sender are in a record's value. */
export const headOfRecord = (value: Buffer): { readonly start: number; readonly end: number } => ({
  start: 1,
  end: RECORD_HEADER_BYTES + (value[1 + U48_BYTES] ?? 0),
})

export const timeOfRecord = (value: Buffer): number => value.readUIntBE(1, U48_BYTES)
export const bodyBytesOf = (value: Buffer): number => value.length - RECORD_HEADER_BYTES - (value[1 + U48_BYTES] ?? 0)

/** The body is a view of `value`, which must be the record's own memory. */
export function decodeRecord(seq: number, value: Buffer): RoomRecord {
  const bodyStart = RECORD_HEADER_BYTES + (value[1 + U48_BYTES] ?? 0)
  return {
    kind: kindOf(value[0]),
    seq: trustedSeq(seq),
    prev: trustedSeq(seq - 1),
    timeMs: timeOfRecord(value),
    sender: senderOf(value, bodyStart),
    body: value.subarray(bodyStart),
  }
}

export function encodeStore({ incarnation, inode, nextRoom, bytes }: StoreValue): Buffer {
  const value = Buffer.alloc(STORE_BYTES)
  let at = value.writeUInt16BE(STORE_FORMAT, 0)
  at = value.writeUIntBE(incarnation, at, U48_BYTES)
  at = value.writeBigUInt64BE(inode, at)
  at = value.writeUIntBE(nextRoom, at, U48_BYTES)
  value.writeUIntBE(bytes, at, U48_BYTES)
  return value
}

/** The one field that every format has. */
export const formatOfStore = (value: Buffer): number => value.readUInt16BE(0)

export function decodeStore(value: Buffer): StoreValue {
  return {
    incarnation: value.readUIntBE(2, U48_BYTES),
    inode: value.readBigUInt64BE(2 + U48_BYTES),
    nextRoom: value.readUIntBE(10 + U48_BYTES, U48_BYTES),
    bytes: value.readUIntBE(10 + 2 * U48_BYTES, U48_BYTES),
  }
}

export function encodeRoom(fields: RoomValue, allocate: Allocate): Buffer {
  const value = allocate(ROOM_BYTES)
  const { room, salt, first, last, bytes, oldestTimeMs } = fields
  let at = 0
  for (const field of [room, salt, first, last, bytes, oldestTimeMs]) at = value.writeUIntBE(field, at, U48_BYTES)
  return value
}

export function decodeRoom(value: Buffer): RoomValue {
  const field = (index: number): number => value.readUIntBE(index * U48_BYTES, U48_BYTES)
  return { room: field(0), salt: field(1), first: field(2), last: field(3), bytes: field(4), oldestTimeMs: field(5) }
}

const kinds: ReadonlySet<number | undefined> = new Set(Object.values(RecordKind))
const isKind = (byte: number | undefined): byte is RecordKind => kinds.has(byte)

function kindOf(byte: number | undefined): RecordKind {
  if (!isKind(byte)) throw new Error(`the room log is damaged: there is no record kind ${byte}`)
  return byte
}

const senderOf = (value: Buffer, end: number): UserId =>
  named(parseUserId(value.toString('utf8', RECORD_HEADER_BYTES, end)), 'a record')

function named<Name>(name: Name | undefined, what: string): Name {
  if (name === undefined) throw new Error(`the room log is damaged: ${what} has no name`)
  return name
}
