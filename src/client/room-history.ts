/** `chat.history` as the client reads it: `{ room, after }` → records after it, ascending, as many as fit a frame. */
import { parseSeq, parseUserId, trustedEpoch } from '../protocol/ids.js'
import { RecordKind, type RoomRecord } from '../protocol/packets.js'
import type { ClientConnection } from './client-connection.js'
import { ClientError } from './errors.js'
import type { ReaderPosition, RecordBatch } from './room-position.js'

export async function readHistory(connection: ClientConnection, room: string, after: number): Promise<RecordBatch> {
  return toBatch(await connection.request('chat.history', { room, after }))
}

/** Where the room's log stands now. */
export async function readHead(connection: ClientConnection, room: string): Promise<ReaderPosition> {
  const reply = fields(await connection.request('rooms.info', { room }))
  return { epoch: trustedEpoch(number(reply['epoch'])), seq: seqOf(reply['seq']) }
}
