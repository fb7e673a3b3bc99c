import { PREAMBLE_BYTES } from './constants.js'
import type { RecordBefore } from './deliver-codec.js'
import { encodePacket } from './encode-packet.js'
import type { Epoch, RoomId, Seq, UserId } from './ids.js'
import type { RoomRecord } from './packets.js'

/** Consecutive records of one room, at least one. */
export interface DeliverBatch {
  readonly room: RoomId
  readonly epoch: Epoch
  readonly records: readonly RoomRecord[]
}

export interface DeliverFrame {
  readonly bytes: Buffer
  /** Where a member stands that got it. */
  readonly lastSeq: Seq
  /** How many are in it. */
  readonly records: number
}

/**
 * The fewest DELIVER frames that carry `batch` in order, each with a payload of at most `maxFrameBytes`.
 * Throws a RangeError if one record alone is larger; a body of `maxFrameBytes - DELIVER_RESERVE_BYTES` never is.
 */
export function encodeDeliverFrames(batch: DeliverBatch, maxFrameBytes: number): DeliverFrame[] {
  const { room, epoch, records } = batch
  const frames: DeliverFrame[] = []
  let start = 0
  while (start < records.length) {
    const end = start + countFitting(batch, start, maxFrameBytes)
    const part = start === 0 && end === records.length ? records : records.slice(start, end)
    const last = part.at(-1)
    if (last === undefined) break
    frames.push({
      bytes: encodePacket({ kind: 'deliver', room, epoch, records: part }),
      lastSeq: last.seq,
      records: part.length,
    })
    start = end
  }
  return frames
}

/** How many records from `start` on fit one frame. */
function countFitting({ room, records }: DeliverBatch, start: number, maxFrameBytes: number): number {
  const fixedBytes = PREAMBLE_BYTES + 1 + Buffer.byteLength(room) + 3 * 8
  const senders = new Map<UserId, number>()
  let senderBytes = 0
  let recordBytes = 0
  let before: RecordBefore | undefined
  for (let at = start; at < records.length; at += 1) {
    const record = records[at]
    if (record === undefined) break
    let sender = senders.get(record.sender)
    if (sender === undefined) {
      sender = senders.size
      senders.set(record.sender, sender)
      senderBytes += 1 + Buffer.byteLength(record.sender)
    }
    recordBytes += recordSize(record, before, sender)
    const count = at - start + 1
    const bytes = fixedBytes + varintBytes(senders.size) + senderBytes + varintBytes(count) + recordBytes
    if (bytes > maxFrameBytes) {
      if (count === 1) throw new RangeError(`a record of ${bytes} bytes where a frame has ${maxFrameBytes}`)
      return count - 1
    }
    before = record
  }
  return records.length - start
}

/** `kind:u8 seqDelta:varint timeDelta:zigzag sender:varint body:bytesV` */
function recordSize(record: RoomRecord, before: RecordBefore | undefined, sender: number): number {
  const seqDelta = record.seq - record.prev
  const timeDelta = before === undefined ? 0 : record.timeMs - before.timeMs
  const bodyBytes = record.body.length
  return (
    1 +
    varintBytes(seqDelta) +
    varintBytes(timeDelta >= 0 ? 2 * timeDelta : -2 * timeDelta - 1) +
    varintBytes(sender) +
    varintBytes(bodyBytes) +
    bodyBytes
  )
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let left = value; left >= 0x80; left /= 0x80) bytes += 1
  return bytes
}
