/** Texts that tell which message they are, and what stands for a record in a journal. */
import { MESSAGE_ID_BYTES } from '../../src/protocol/constants.js'
import { RecordKind, type RoomRecord } from '../../src/protocol/packets.js'
import type { RecordEvent } from './journal.js'

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const NUMBER_BYTES = 4

/** The id, the sender's number, and `padding` bytes that follow from both. */
export function textBody(messageId: Buffer, number: number, padding: number): Buffer {
  const body = Buffer.alloc(MESSAGE_ID_BYTES + NUMBER_BYTES + padding)
  messageId.copy(body)
  body.writeUInt32BE(number, MESSAGE_ID_BYTES)
  for (let at = 0; at < padding; at += 1) body[MESSAGE_ID_BYTES + NUMBER_BYTES + at] = (body[at] ?? 0) ^ at
  return body
}

export const textContent = (sender: string, body: Buffer): string => `text of ${sender}: ${digest(body)}`

/** As written down; the frame that it came in may be gone afterwards. */
export function recordEvent(place: { readonly room: string; readonly epoch: number }, record: RoomRecord): RecordEvent {
  const { seq, prev, timeMs, kind, sender, body } = record
  const event = { room: place.room, epoch: place.epoch, seq, prev, timeMs }
  if (kind === RecordKind.Text) {
    return { ...event, content: textContent(sender, body), message: body.toString('hex', 0, MESSAGE_ID_BYTES) }
  }
  return { ...event, content: `${kind === RecordKind.Join ? 'join' : 'leave'} of ${sender}: ${digest(body)}` }
}

function digest(body: Buffer): string {
  let hash = FNV_OFFSET
  for (const byte of body) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return `${body.toString('hex', 0, MESSAGE_ID_BYTES + NUMBER_BYTES)} ${body.length} ${hash >>> 0}`
}
