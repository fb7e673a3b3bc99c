/**
 * What the state keeps of a room's log: which incarnation counts, and up to where it is forgotten. Pure.
 * `mark => incarnation:u48 floor:u48`; a room without one is in its first incarnation, and nothing of it is forgotten.
 */
import { createHash } from 'node:crypto'
import { trustedEpoch, type Epoch } from '../../protocol/ids.js'
import { INCARNATION_BYTES, type Incarnation } from './room-subjects.js'

const FLOOR_BYTES = 6
const EPOCH_BYTES = 6

export interface RoomMark {
  readonly incarnation: Incarnation
  /** Records up to this seq are not shown; the one at it may still be stored, so that the chain goes on. */
  readonly floor: number
}

export const FIRST_MARK: RoomMark = { incarnation: 0, floor: 0 }

export function encodeMark({ incarnation, floor }: RoomMark): Buffer {
  const bytes = Buffer.alloc(INCARNATION_BYTES + FLOOR_BYTES)
  bytes.writeUIntBE(incarnation, 0, INCARNATION_BYTES)
  bytes.writeUIntBE(floor, INCARNATION_BYTES, FLOOR_BYTES)
  return bytes
}

export function decodeMark(bytes: Buffer | undefined): RoomMark {
  if (bytes === undefined || bytes.length < INCARNATION_BYTES + FLOOR_BYTES) return FIRST_MARK
  return {
    incarnation: bytes.readUIntBE(0, INCARNATION_BYTES),
    floor: bytes.readUIntBE(INCARNATION_BYTES, FLOOR_BYTES),
  }
}

/** The same on all nodes; another one for another incarnation, and for a stream that was made anew. */
export function epochOf(subject: string, streamCreatedMs: number): Epoch {
  const hash = createHash('sha256').update(`${streamCreatedMs}\0${subject}`).digest()
  return trustedEpoch(hash.readUIntBE(0, EPOCH_BYTES))
}
