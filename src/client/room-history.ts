/** `chat.history` as the client reads it: `{ room, after }` → records after it, ascending, as many as fit a frame. */
import { parseSeq, parseUserId, trustedEpoch } from '../protocol/ids.js'
import { RecordKind, type RoomRecord } from '../protocol/packets.js'
import { ClientError } from './errors.js'
import type { RecordBatch } from './room-position.js'

/** A connection, or a client that has one. */
export interface Requester {
  request(pattern: string, data: unknown): Promise<unknown>
}

export async function readHistory(server: Requester, room: string, after: number): Promise<RecordBatch> {
  return toBatch(await server.request('chat.history', { room, after }))
}

/** The newest records, ascending. */
export async function readNewest(server: Requester, room: string, limit: number): Promise<RecordBatch> {
  return toBatch(await server.request('chat.history', { room, limit }))
}

function toBatch(reply: unknown): RecordBatch {
  if (!isMap(reply) || typeof reply['epoch'] !== 'number' || !Array.isArray(reply['records'])) throw unreadable()
  return { epoch: trustedEpoch(reply['epoch']), records: reply['records'].map(toRecord) }
}

const recordKinds = new Map<unknown, RecordKind>([
  ['text', RecordKind.Text],
  ['join', RecordKind.Join],
  ['leave', RecordKind.Leave],
])

function toRecord(value: unknown): RoomRecord {
  if (!isMap(value)) throw unreadable()
  const { seq, prev, timeMs, sender, body } = value
  const kind = recordKinds.get(value['kind'])
  const record = { kind, seq: toSeq(seq), prev: toSeq(prev), sender: toUser(sender) }
  if (kind === undefined || typeof timeMs !== 'number' || !(body instanceof Uint8Array)) throw unreadable()
  return { ...record, kind, timeMs, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) }
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function toSeq(value: unknown) {
  const seq = typeof value === 'number' ? parseSeq(value) : undefined
  if (seq === undefined) throw unreadable()
  return seq
}

function toUser(value: unknown) {
  const user = typeof value === 'string' ? parseUserId(value) : undefined
  if (user === undefined) throw unreadable()
  return user
}

const unreadable = (): ClientError => new ClientError('UNEXPECTED_REPLY', 'the reply of chat.history is not understood')
