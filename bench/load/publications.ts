/** PUBLISH frames by the hundred: one is encoded, the others are copies with their own numbers. */
import { HEADER_BYTES, MESSAGE_ID_BYTES, Priority } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { MESSAGE_BYTES } from './numbered-message.js'

const CORRELATION_AT = HEADER_BYTES + 2
/** The server may refuse an id that it knows. */
let published = 0

/** `body` begins with the message's number, a u32. */
export function encodePublications(room: RoomId, first: number, count: number): Buffer {
  const frame = encodePacket({
    kind: 'publish',
    correlation: 1,
    priority: Priority.Normal,
    room,
    messageId: Buffer.alloc(MESSAGE_ID_BYTES),
    body: Buffer.alloc(MESSAGE_BYTES, 'x'),
  })
  const bodyAt = frame.length - MESSAGE_BYTES
  const frames = Buffer.alloc(frame.length * count, frame)
  for (let each = 0; each < count; each += 1) {
    const at = each * frame.length
    published += 1
    frames.writeUInt32BE(published, at + CORRELATION_AT)
    frames.writeUInt32BE(published, at + bodyAt - MESSAGE_ID_BYTES)
    frames.writeUInt32BE(first + each, at + bodyAt)
  }
  return frames
}

export const numberOfPublication = (body: Buffer): number => body.readUInt32BE(0)
