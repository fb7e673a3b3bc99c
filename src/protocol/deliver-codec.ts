/**
 * DELIVER: consecutive records of one room. Room, epoch and senders once; seq, prev and time as deltas, so that a
 * message costs at most 24 bytes beside its body.
 */
import { isUtf8 } from 'node:buffer'
import { type Seq, trustedSeq, type UserId } from './ids.js'
import { Operation } from './operations.js'
import type { PacketCodec } from './packet-codec.js'
import { LeaveReason, RecordKind, type Deliver, type RoomRecord } from './packets.js'
import { badField, type Reader } from './reader.js'
import type { Writer } from './writer.js'

const recordKinds = Object.values(RecordKind)
const maxLeaveReason = Math.max(...Object.values(LeaveReason))

export const deliverCodec: PacketCodec<Deliver> = {
  operation: Operation.Deliver,
  isCorrelated: false,
  flags: 0,
  write(writer, { room, epoch, records }) {
    const first = records[0]
    if (first === undefined) throw new RangeError('a batch without records')
    writer.str8(room)
    writer.u64(epoch)
    writer.u64(first.prev)
    writer.u64(first.timeMs)
    const senders = indexSenders(records)
    writer.varint(senders.size)
    for (const sender of senders.keys()) writer.str8(sender)
    writer.varint(records.length)
    let before: RecordBefore = { seq: first.prev, timeMs: first.timeMs }
    for (const record of records) {
      writeRecord(writer, record, { before, sender: senders.get(record.sender) ?? 0 })
      before = record
    }
  },
  read(reader) {
    const room = reader.room()
    const epoch = reader.epoch()
    const before = { seq: reader.seq(), timeMs: reader.u64() }
    const senders = readSenders(reader)
    return { kind: 'deliver', room, epoch, records: readRecords(reader, before, senders) }
  },
}

/** What the deltas of a record count from. */
export interface RecordBefore {
  readonly seq: Seq
  readonly timeMs: number
}

/** Distinct senders in order of first appearance. */
function indexSenders(records: readonly RoomRecord[]): Map<UserId, number> {
  const senders = new Map<UserId, number>()
  for (const { sender } of records) {
    if (!senders.has(sender)) senders.set(sender, senders.size)
  }
  return senders
}

function writeRecord(
  writer: Writer,
  record: RoomRecord,
  { before, sender }: { before: RecordBefore; sender: number },
): void {
  if (record.prev !== before.seq || record.seq <= before.seq) {
    throw new RangeError(`record ${record.seq} after ${record.prev} does not follow ${before.seq}`)
  }
  writer.u8(record.kind)
  writer.varint(record.seq - before.seq)
  writer.zigzag(record.timeMs - before.timeMs)
  writer.varint(sender)
  writer.bytesV(record.body)
}

function readSenders(reader: Reader): UserId[] {
  const count = reader.varint()
  if (count === 0) throw badField('a batch without senders')
  const senders: UserId[] = []
  while (senders.length < count) senders.push(reader.user())
  return senders
}

function readRecords(reader: Reader, start: RecordBefore, senders: readonly UserId[]): RoomRecord[] {
  const count = reader.varint()
  if (count === 0) throw badField('a batch without records')
  const records: RoomRecord[] = []
  let before = start
  while (records.length < count) {
    const record = readRecord(reader, before, senders)
    records.push(record)
    before = record
  }
  return records
}

function readRecord(reader: Reader, before: RecordBefore, senders: readonly UserId[]): RoomRecord {
  const kind = reader.oneOf(recordKinds)
  const seqDelta = reader.varint()
  const seq = before.seq + seqDelta
  if (seqDelta === 0 || seq > Number.MAX_SAFE_INTEGER) throw badField('a seq that does not grow')
  const timeMs = before.timeMs + reader.zigzag()
  if (timeMs < 0 || timeMs > Number.MAX_SAFE_INTEGER) throw badField('a time that is none')
  const sender = senders[reader.varint()]
  if (sender === undefined) throw badField('a sender that the batch does not name')
  const body = reader.bytesV()
  assertBodyOf(kind, body)
  return { kind, seq: trustedSeq(seq), prev: before.seq, timeMs, sender, body }
}

function assertBodyOf(kind: RecordKind, body: Buffer): void {
  if (kind === RecordKind.Text) return
  if (kind === RecordKind.Join) {
    if (!isUtf8(body)) throw badField('a username that is not UTF-8')
  } else if (body.length !== 1 || body.readUInt8(0) > maxLeaveReason) {
    throw badField('a leave without its reason')
  }
}
