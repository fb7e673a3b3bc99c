/**
 * The live end of one room: committed records that wait for the end of the tick, and the connections that get them.
 * Does not commit, does not schedule. Invariant: everything up to `seq` that is not pending was offered to all attached.
 */
import { DELIVER_RESERVE_BYTES } from '../protocol/constants.js'
import { encodeDeliverFrames } from '../protocol/deliver-frames.js'
import type { RoomId, Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'
import type { RoomHead } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { offerOrClose } from './slow-member-policy.js'

export class RoomFeed {
  /** True while the feed stands on its broadcaster's list. */
  isMarked = false
  private readonly attached = new Set<ConnectionHandle>()
  private pending: RoomRecord[] = []
  private readonly epoch: RoomHead['epoch']
  private seq: Seq

  constructor(
    private readonly room: RoomId,
    head: RoomHead,
  ) {
    this.epoch = head.epoch
    this.seq = head.seq
  }

  get hasPending(): boolean {
    return this.pending.length > 0
  }

  /** Takes the record that the log committed next. */
  push(record: RoomRecord): void {
    this.seq = record.seq
    if (this.attached.size > 0) this.pending.push(record)
  }

  /** What `connection` is offered from now on starts exactly after the returned position. */
  attach(connection: ConnectionHandle, maxFrameBytes: number): RoomHead {
    this.flush(maxFrameBytes)
    this.attached.add(connection)
    return { epoch: this.epoch, seq: this.seq }
  }

  detach(connection: ConnectionHandle): void {
    this.attached.delete(connection)
  }

  /** Encodes what is pending once and offers the same buffers to all; the work per member is one offer. */
  flush(maxFrameBytes: number): void {
    if (this.pending.length === 0) return
    const records = this.pending
    this.pending = []
    if (this.attached.size === 0) return
    const batch = { room: this.room, epoch: this.epoch, records }
    const frames = encodeDeliverFrames(batch, Math.max(maxFrameBytes, largestFrameBytes(records)))
    for (const frame of frames) {
      for (const connection of this.attached) offerOrClose(connection, frame)
    }
  }

  /** Outside the room's order; a member with a full outbox goes without. */
  offerEphemeral(frame: Buffer): void {
    for (const connection of this.attached) connection.offer(frame)
  }
}

/** A record that was admitted just before the limit was lowered must still go out. */
function largestFrameBytes(records: readonly RoomRecord[]): number {
  let largestBodyBytes = 0
  for (const { body } of records) if (body.length > largestBodyBytes) largestBodyBytes = body.length
  return largestBodyBytes + DELIVER_RESERVE_BYTES
}
