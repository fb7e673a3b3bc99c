/**
 * What the stream keeps of a record: everything but `seq` and `prev`, which the stream gives. Pure.
 *
 * `stored => version:u8 kind:u8 urgency:u8 idBytes:u8 (0 or 16) senderBytes:u8 timeMs:u48 id sender body`
 *
 * Headers would be dearer, and a record of a later version must be told from a broken one: it is `undefined`, and is
 * skipped like one that was trimmed. A decoded body is a copy: the payload is a view of the chunk it was read in.
 */
import { parseUserId, type Seq } from '../../protocol/ids.js'
import { RecordKind, type RoomRecord } from '../../protocol/packets.js'
import type { NewRecord, Urgency } from '../room-log.js'

const VERSION = 1
const At = { version: 0, kind: 1, urgency: 2, idBytes: 3, senderBytes: 4, timeMs: 5 } as const
const HEAD_BYTES = 11
const TIME_BYTES = 6
const ID_BYTES = 16

const urgencies = ['high', 'normal', 'degraded', 'low'] as const satisfies readonly Urgency[]
const kinds: ReadonlyMap<number, RecordKind> = new Map(Object.values(RecordKind).map((kind) => [kind, kind]))

export interface StoredRecord {
  readonly record: RoomRecord
  readonly urgency: Urgency
  readonly messageId: Buffer | undefined
}

export function encodeStored({ kind, sender, body, id }: NewRecord, timeMs: number, urgency: Urgency): Buffer {
  const name = Buffer.from(sender)
  const messageId = id?.messageId ?? Buffer.alloc(0)
  const head = Buffer.alloc(HEAD_BYTES)
  head[At.version] = VERSION
  head[At.kind] = kind
  head[At.urgency] = urgencies.indexOf(urgency)
  head[At.idBytes] = messageId.length
  head[At.senderBytes] = name.length
  head.writeUIntBE(timeMs, At.timeMs, TIME_BYTES)
  return Buffer.concat([head, messageId, name, body])
}

/** `undefined` if this version cannot read it. */
export function decodeStored(payload: Uint8Array, seq: Seq, prev: Seq): StoredRecord | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (bytes.length < HEAD_BYTES || bytes[At.version] !== VERSION) return undefined
  const [kind, urgency] = [kinds.get(bytes.readUInt8(At.kind)), urgencies[bytes.readUInt8(At.urgency)]]
  const idBytes = bytes.readUInt8(At.idBytes)
  const senderAt = HEAD_BYTES + idBytes
  const bodyAt = senderAt + bytes.readUInt8(At.senderBytes)
  const sender = parseUserId(bytes.toString('utf8', senderAt, bodyAt))
  if (kind === undefined || urgency === undefined || sender === undefined || bodyAt > bytes.length) return undefined
  if (idBytes !== 0 && idBytes !== ID_BYTES) return undefined
  const timeMs = bytes.readUIntBE(At.timeMs, TIME_BYTES)
  const record: RoomRecord = { kind, seq, prev, timeMs, sender, body: Buffer.from(bytes.subarray(bodyAt)) }
  return { record, urgency, messageId: idBytes === 0 ? undefined : Buffer.from(bytes.subarray(HEAD_BYTES, senderAt)) }
}

/** Of the body alone. */
export function bodyBytesOf(payload: Uint8Array): number {
  return payload.length - HEAD_BYTES - (payload[At.idBytes] ?? 0) - (payload[At.senderBytes] ?? 0)
}

/** `undefined` if this version cannot read it. */
export function timeMsOf(payload: Uint8Array): number | undefined {
  if (payload.length < HEAD_BYTES || payload[At.version] !== VERSION) return undefined
  return Buffer.from(payload.buffer, payload.byteOffset).readUIntBE(At.timeMs, TIME_BYTES)
}
