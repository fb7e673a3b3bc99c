/**
 * Consecutive records of one room, encoded once for everybody who stands just before them, and once more for each other
 * position inside them: a member that joined in the middle gets the rest.
 */
import { DELIVER_RESERVE_BYTES } from '../protocol/constants.js'
import { encodeDeliverFrames, type DeliverFrame } from '../protocol/deliver-frames.js'
import type { Epoch, RoomId, Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'

export class RoomBatch {
  readonly prev: Seq
  readonly last: Seq
  /** Of the whole batch; shared by all members and never changed. */
  readonly frames: readonly DeliverFrame[]
  private readonly tails = new Map<Seq, readonly DeliverFrame[]>()

  /** `records` is not empty; it and the bodies in it are held as long as the batch. */
  constructor(
    private readonly room: { readonly id: RoomId; readonly epoch: Epoch },
    private readonly records: readonly [RoomRecord, ...RoomRecord[]],
    private readonly maxFrameBytes: number,
  ) {
    this.prev = records[0].prev
    this.last = (records.at(-1) ?? records[0]).seq
    this.frames = this.encode(records)
  }

  /** What a member at `position` (after `prev`, before `last`) has not got yet. */
  framesAfter(position: Seq): readonly DeliverFrame[] {
    let frames = this.tails.get(position)
    if (frames === undefined) {
      frames = this.encode(this.records.filter(({ seq }) => seq > position))
      this.tails.set(position, frames)
    }
    return frames
  }

  /** A record that was admitted just before the limit was lowered must still go out. */
  private encode(records: readonly RoomRecord[]): readonly DeliverFrame[] {
    let largestBodyBytes = 0
    for (const { body } of records) if (body.length > largestBodyBytes) largestBodyBytes = body.length
    const maxFrameBytes = Math.max(this.maxFrameBytes, largestBodyBytes + DELIVER_RESERVE_BYTES)
    const { id, epoch } = this.room
    return encodeDeliverFrames({ room: id, epoch, records }, maxFrameBytes)
  }
}
