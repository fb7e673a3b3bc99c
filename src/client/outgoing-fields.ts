/** What callers give, as fields of packets; throws `ClientError` BAD_FIELD for what has no place in one. */
import { encodeBriefly } from '../protocol/body.js'
import { parseRoomId, type RoomId } from '../protocol/ids.js'
import { ClientError, NestwireError } from './errors.js'

export function toClientError(error: unknown): NestwireError {
  if (error instanceof NestwireError) return error
  return new ClientError('BAD_FIELD', error instanceof Error ? error.message : String(error), { cause: error })
}

export function toRoomId(room: string): RoomId {
  const id = parseRoomId(room)
  if (id === undefined) throw new ClientError('BAD_FIELD', 'this is not a room name')
  return id
}

/** For a packet that is encoded at once, see `encodeBriefly`. */
export function toBody(data: unknown): Buffer {
  try {
    return encodeBriefly(data)
  } catch (error) {
    throw toClientError(error)
  }
}

/** A copy, for what outlives the call. */
export const toOwnBytes = (body: string | Uint8Array): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body)

/** A view of the caller's bytes: encoded before the call returns. */
export const toBytes = (body: string | Uint8Array): Buffer =>
  typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
