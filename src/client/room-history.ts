/** `chat.history` as the client reads it: `{ room, after }` → records after it, ascending, as many as fit a frame. */
import { parseSeq, parseUserId, trustedEpoch } from '../protocol/ids.js'
import { RecordKind, type RoomRecord } from '../protocol/packets.js'
import type { ChatClient } from './chat-client.js'
import type { ClientConnection } from './client-connection.js'
import { ClientError, type NestwireError } from './errors.js'
import { toClientError } from './outgoing-fields.js'
import type { RecordBatch } from './room-position.js'

interface HistoryQuestion {
  readonly room: string
  readonly after: number
}

/** `onPage` is called once, before any later packet is handled; with the error if the server refused or is gone. */
export function requestHistory(
  connection: ClientConnection,
  question: HistoryQuestion,
  onPage: (page: RecordBatch | NestwireError) => void,
): void {
  let page: RecordBatch | NestwireError = unreadable()
  connection.call(
    'chat.history',
    question,
    {},
    {
      next: (reply) => (page = tryToBatch(reply)),
      error: onPage,
      complete: () => onPage(page),
    },
  )
}

/** The newest records, ascending. */
export async function readNewest(client: ChatClient, room: string, limit: number): Promise<RecordBatch> {
  return toBatch(await client.request('chat.history', { room, limit }))
}

function tryToBatch(reply: unknown): RecordBatch | NestwireError {
  try {
    return toBatch(reply)
  } catch (error) {
    return toClientError(error)
  }
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
