/** PUBLISH frames that tell which they are. */
import { MESSAGE_ID_BYTES, Priority } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { MESSAGE_BYTES } from './numbered-message.js'

/** The server may know ids again: no two of a process are the same. */
let published = 0

/** The body begins with `number`, a u32. */
export function encodePublication(room: RoomId, number: number): Buffer {
  published += 1
  const messageId = Buffer.alloc(MESSAGE_ID_BYTES)
  messageId.writeUInt32BE(published)
  const body = Buffer.alloc(MESSAGE_BYTES, 'x')
  body.writeUInt32BE(number)
  return encodePacket({ kind: 'publish', correlation: published, priority: Priority.Normal, room, messageId, body })
}

export const numberOfPublication = (body: Buffer): number => body.readUInt32BE(0)
