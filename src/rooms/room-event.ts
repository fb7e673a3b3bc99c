import { encodeBody } from '../protocol/body.js'
import { Priority } from '../protocol/constants.js'
import { encodePacket } from '../protocol/encode-packet.js'
import type { RoomsEvents } from './rooms.contract.js'

/** A whole EVENT frame, to be shared by all who get it. */
export function encodeRoomEvent<Pattern extends keyof RoomsEvents>(
  pattern: Pattern,
  body: RoomsEvents[Pattern],
): Buffer {
  return encodeEncodedEvent(pattern, encodeBody(body))
}

/** The same of a body that is MessagePack already. */
export const encodeEncodedEvent = (pattern: keyof RoomsEvents, body: Buffer): Buffer =>
  encodePacket({ kind: 'event', priority: Priority.Normal, metadata: undefined, pattern, body })
