/**
 * The live end of one room: committed records that wait for a turn, and the members that get them. One rule moves
 * everybody: a batch is offered to a member that stands where the batch begins; who stands inside it gets the rest; who
 * stands before it is behind and reads on from the log. Records that wait are merged into the next batch.
 */
import { NO_EPOCH, NO_SEQ, type Epoch, type RoomId, type Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'
import type { RoomFollower, RoomHead, RoomLog, RoomJournal, Urgency } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { Lane } from './admission.js'
import { PendingUrgencies } from './pending-urgencies.js'
import { RoomBatch } from './room-batch.js'
import { RoomMember } from './room-member.js'
import type { Schedulable } from './room-scheduler.js'

/** A committed record on its way to the members, and what it holds in admission until it was offered to the last of them. */
interface PendingRecord {
  readonly record: RoomRecord
  readonly urgency: Urgency
  readonly lane: Lane
  readonly bytes: number
}

export interface RoomFeedHost {
  readonly maxFrameBytes: number
  /** When this room may start its next batch, after one that took `offers` offers. */
  notBefore(offers: number, isThin: boolean): number
  /** A record waits to be offered, */
  take(lane: Lane, bytes: number): void
  /** and was offered to every live member. */
  release(lane: Lane, bytes: number): void
  /** The room has something to offer. */
  scheduled(feed: RoomFeed): void
  /** The member is behind and must be brought up from the log. */
  lagging(member: RoomMember): void
}

/** Members that a turn may pass by for each offer it may make. */
const LOOKS_PER_OFFER = 16

/** What a record holds beside its body: its bookkeeping on the way. */
const RECORD_OVERHEAD_BYTES = 128
export const bytesOf = ({ body }: Pick<RoomRecord, 'body'>): number => body.length + RECORD_OVERHEAD_BYTES
const lanes = { high: 'high', normal: 'normal', degraded: 'low', low: 'low' } as const satisfies Record<Urgency, Lane>

/** Encoded in one go: some 2 ms. */
const MAX_BATCH_RECORDS = 4_096
const MAX_BATCH_BYTES = 1024 * 1024

export class RoomFeed implements Schedulable, RoomFollower {
  lane: Lane | undefined
  notBeforeMs = 0
  private readonly members: RoomMember[] = []
  private readonly byConnection = new Map<ConnectionHandle, RoomMember>()
  private pending: PendingRecord[] = []
  private running: readonly PendingRecord[] = []
  private batch: RoomBatch | undefined
  /** Members below this index have not been offered `batch` yet. */
  private next = 0
  private offers = 0
  /** Of what is pending or running. */
  private readonly urgencies = new PendingUrgencies()
  /** Records in the batch before this one. */
  private lastCount = 0
  private headSeq = NO_SEQ
  private ofEpoch = NO_EPOCH
  private unfollow: () => void = () => undefined

  private constructor(
    readonly room: RoomId,
    private readonly host: RoomFeedHost,
  ) {}

  /** Of a room as it stands in the log; what is committed from then on will be told. */
  static async open(
    room: RoomId,
    { log, journal, host }: { readonly log: RoomLog; readonly journal: RoomJournal; readonly host: RoomFeedHost },
  ): Promise<RoomFeed> {
    const feed = new RoomFeed(room, host)
    feed.unfollow = await journal.follow(room, feed)
    try {
      const { epoch, seq } = await log.head(room)
      feed.ofEpoch = epoch
      feed.reaches(seq)
      return feed
    } catch (error) {
      feed.unfollow()
      throw error
    }
  }

  get epoch(): Epoch {
    return this.ofEpoch
  }

  /** The last committed record. */
  get seq(): Seq {
    return this.headSeq
  }

  get hasMembers(): boolean {
    return this.members.length > 0
  }

  get wantedLane(): Lane {
    return this.urgencies.lane
  }

  memberOf(connection: ConnectionHandle): RoomMember | undefined {
    return this.byConnection.get(connection)
  }

  committed(record: RoomRecord, urgency: Urgency): void {
    if (record.seq <= this.headSeq) return
    // Some before it were not told: members stand before those, and read on from there.
    if (record.prev !== this.headSeq) return this.reaches(record.seq)
    this.headSeq = record.seq
    if (!this.hasMembers) return
    const [lane, bytes] = [lanes[urgency], bytesOf(record)]
    this.pending.push({ record, urgency, lane, bytes })
    this.urgencies.add(urgency)
    this.host.take(lane, bytes)
    // Whoever was heard last has answered: there is nobody left to wait for.
    if (this.pending.length >= this.lastCount) this.notBeforeMs = 0
    this.host.scheduled(this)
  }

  reaches(seq: Seq): void {
    if (seq <= this.headSeq) return
    this.headSeq = seq
    for (const member of this.members) this.host.lagging(member)
  }

  /** Deliveries start exactly after the returned position. Idempotent: who hears the room already stays where it is. */
  attach(connection: ConnectionHandle, from: Seq = this.headSeq): RoomHead {
    let member = this.byConnection.get(connection)
    if (member === undefined) {
      member = new RoomMember(connection, this, from)
      this.byConnection.set(connection, member)
      member.index = this.members.push(member) - 1
    }
    // What came after `from` may have gone out already: who starts in the past reads it from the log.
    if (member.position < this.headSeq) this.host.lagging(member)
    return { epoch: this.epoch, seq: member.position }
  }

  detach(connection: ConnectionHandle): RoomMember | undefined {
    const member = this.byConnection.get(connection)
    if (member === undefined) return undefined
    this.byConnection.delete(connection)
    // Batches run from the end to the start, so the one that moves here had its turn, or has none in this batch.
    const last = this.members.pop()
    if (last !== undefined && last !== member) {
      last.index = member.index
      this.members[member.index] = last
    }
    return member
  }

  turn(maxOffers: number): { offers: number; isDone: boolean } {
    const batch = this.batch ?? this.start()
    if (batch === undefined) return { offers: 0, isDone: true }
    this.next = Math.min(this.next, this.members.length)
    let offers = 0
    // Members that get nothing cost little, but not nothing: 10,000 that are behind take half a millisecond.
    const end = Math.max(0, this.next - maxOffers * LOOKS_PER_OFFER)
    while (this.next > end && offers < maxOffers) {
      this.next -= 1
      const member = this.members[this.next]
      if (member !== undefined) offers += this.offer(batch, member)
    }
    this.offers += offers
    if (this.next === 0) this.finish()
    return { offers, isDone: this.batch === undefined && this.pending.length === 0 }
  }

  /** Outside the room's order and never logged: who is behind or full goes without. Returns how many did. */
  offerEphemeral(frame: Buffer): number {
    let dropped = 0
    for (const { connection, isLagging } of this.members) {
      if (isLagging || connection.deliverOrDrop(frame) !== 'queued') dropped += 1
    }
    return dropped
  }

  /** Gives back what waits; the room is gone. */
  abandon(): void {
    this.unfollow()
    const waiting = [...this.running, ...this.pending]
    this.running = []
    this.pending = []
    this.batch = undefined
    this.release(waiting)
  }

  private start(): RoomBatch | undefined {
    const batched = this.pending.slice(0, countOfBatch(this.pending))
    const [first, ...more] = batched
    if (first === undefined) return undefined
    this.running = batched
    this.pending = this.pending.slice(batched.length)
    this.next = this.members.length
    this.offers = 0
    const records: [RoomRecord, ...RoomRecord[]] = [first.record, ...more.map(({ record }) => record)]
    this.batch = new RoomBatch({ id: this.room, epoch: this.epoch }, records, this.host.maxFrameBytes)
    return this.batch
  }

  private finish(): void {
    const { running } = this
    this.running = []
    this.batch = undefined
    this.lastCount = running.length
    const left = this.pending.length
    this.notBeforeMs = left >= running.length ? 0 : this.host.notBefore(this.offers, left * 2 < running.length)
    this.release(running)
  }

  private release(records: readonly PendingRecord[]): void {
    for (const { urgency, lane, bytes } of records) {
      this.urgencies.remove(urgency)
      this.host.release(lane, bytes)
    }
  }

  /** Returns how many frames were offered. */
  private offer(batch: RoomBatch, member: RoomMember): number {
    const { position } = member
    if (position >= batch.last) return 0
    if (position < batch.prev) {
      this.host.lagging(member)
      return 0
    }
    const frames = position === batch.prev ? batch.frames : batch.framesAfter(position)
    for (const { bytes, lastSeq } of frames) {
      if (member.connection.deliver(bytes) !== 'queued') {
        this.host.lagging(member)
        return 1
      }
      member.position = lastSeq
    }
    return frames.length
  }
}

/** How many of what waits go into the next batch; one at least. */
function countOfBatch(waiting: readonly PendingRecord[]): number {
  let bytes = 0
  for (const [count, admitted] of waiting.entries()) {
    bytes += admitted.bytes
    if (count === MAX_BATCH_RECORDS || (bytes > MAX_BATCH_BYTES && count > 0)) return count
  }
  return waiting.length
}
