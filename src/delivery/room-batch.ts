/**
 * Consecutive records of one room, encoded once for everybody. Who stands inside them, having joined in the middle, gets
 * the rest of the frame it stands in, and then what all get. Without records it says only how far the room goes.
 */
import { DELIVER_RESERVE_BYTES } from '../protocol/constants.js'
import { encodeDeliverFrames, type DeliverFrame } from '../protocol/deliver-frames.js'
import type { Epoch, RoomId, Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'

/** Rests of frames kept for others at the same place, each at most a frame. */
const MAX_RESTS = 16

export class RoomBatch {
  readonly prev: Seq
  readonly last: Seq
  /** Of the whole batch; shared by all members and never changed. */
  readonly frames: readonly DeliverFrame[]
  /** By the clock of who logged it; `undefined` without records. */
  readonly oldestTimeMs: number | undefined
  private readonly rests = new Map<Seq, readonly DeliverFrame[]>()

  private readonly records: readonly RoomRecord[]

  /** `records` come right after `prev`; they and their bodies are held as long as the batch. */
  constructor(
    private readonly room: { readonly id: RoomId; readonly epoch: Epoch },
    { prev, records }: { readonly prev: Seq; readonly records: readonly RoomRecord[] },
    private readonly maxFrameBytes: number,
  ) {
    this.prev = prev
    this.last = records.at(-1)?.seq ?? prev
    this.oldestTimeMs = records[0]?.timeMs
    this.records = records
    this.frames = this.encode(records)
  }

  /** What a member at `position` (after `prev`, before `last`) has not got yet. */
  framesAfter(position: Seq): readonly DeliverFrame[] {
    const at = this.frames.findIndex(({ lastSeq }) => lastSeq > position)
    const isAtEdge = at > 0 && this.frames[at - 1]?.lastSeq === position
    return isAtEdge ? this.frames.slice(at) : [...this.restOf(at, position), ...this.frames.slice(at + 1)]
  }

  private restOf(frame: number, position: Seq): readonly DeliverFrame[] {
    let rest = this.rests.get(position)
    if (rest === undefined) {
      const lastSeq = this.frames[frame]?.lastSeq ?? position
      rest = this.encode(this.records.filter(({ seq }) => seq > position && seq <= lastSeq))
      this.rests.set(position, rest)
      if (this.rests.size > MAX_RESTS) this.rests.delete(this.rests.keys().next().value ?? position)
    }
    return rest
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
