/** A RESUME that fits the frames before authentication. Pure. */
import { MAX_HANDSHAKE_FRAME_BYTES, PREAMBLE_BYTES } from '../protocol/constants.js'
import type { Resume, RoomPosition } from '../protocol/packets.js'
import type { ResumeOffer } from './connection-options.js'

/** Redirects, lengths of the ticket and of the list. */
const FIXED_BYTES = 5
/** `room:str8 epoch:u64 seq:u64` without the name. */
const POSITION_BYTES = 17

/** Names the rooms that have room in it, in order; `undefined` if there is none for the ticket. */
export function resumeRequest(
  { ticket, positions }: ResumeOffer,
  { correlation, redirects }: Pick<Resume, 'correlation' | 'redirects'>,
): Resume | undefined {
  let bytesLeft = MAX_HANDSHAKE_FRAME_BYTES - PREAMBLE_BYTES - FIXED_BYTES - ticket.length
  if (ticket.length === 0 || bytesLeft < 0) return undefined
  const named: RoomPosition[] = []
  for (const position of positions) {
    bytesLeft -= POSITION_BYTES + Buffer.byteLength(position.room)
    if (bytesLeft < 0) break
    named.push(position)
  }
  return { kind: 'resume', correlation, redirects, ticket, positions: named }
}
