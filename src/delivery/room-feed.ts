/**
 * The live end of one room: committed records that wait for a turn, and the members that get them. One rule moves
 * everybody: a batch is offered to a member that stands where the batch begins; who stands inside it gets the rest; who
 * stands before it is behind and reads on from the log. Records that wait are merged into the next batch.
 *
 * Invariant: what waits is a chain that ends at the room's head. When it cannot be one, for a record was not told or may not
 * be held, nothing waits any more, and everybody reads.
 */
import { NO_EPOCH, NO_SEQ, type Epoch, type RoomId, type Seq } from '../protocol/ids.js'
import type { RoomRecord } from '../protocol/packets.js'
import type { RoomFollower, RoomHead, RoomLog, RoomJournal, Urgency } from '../log/room-log.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { Lane } from './admission.js'
import type { DeliveryCounters } from './delivery-counters.js'
import { RoomBacklog, type BacklogHost } from './room-backlog.js'
import { RoomBatch } from './room-batch.js'
import { RoomMember } from './room-member.js'
import type { Schedulable } from './room-scheduler.js'

export interface RoomFeedHost extends BacklogHost {
  readonly counters: DeliveryCounters
  readonly maxFrameBytes: number
  /** When this room may start its next batch, after one that took `offers` offers. */
  notBefore(offers: number, isThin: boolean): number
  /** All live members were offered a batch of so many records. */
  offered(records: number, oldestTimeMs: number): void
  /** The room has something to offer, */
  scheduled(feed: RoomFeed): void
  /** or has ended. */
  unscheduled(feed: RoomFeed): void
  /** A record found no room: what waited was given up for it, and members read both from the log. */
  overflowed(): void
  /** The room was deleted elsewhere and begins anew: memberships have ended with it, and these members hear it no more. */
  restarted(feed: RoomFeed, members: readonly RoomMember[]): void
  /** The member is behind and must be brought up from the log. */
  lagging(member: RoomMember): void
}

/** What went through a room on this node since somebody here began to hear it, and how many connections do. */
export interface RoomFigures {
  readonly room: RoomId
  readonly records: number
  /** Of bodies alone. */
  readonly bytes: number
  readonly connections: number
}

/** Members that a turn may pass by for each offer it may make. */
const LOOKS_PER_OFFER = 16

export class RoomFeed implements Schedulable, RoomFollower {
  lane: Lane | undefined
  notBeforeMs = 0
  private readonly members: RoomMember[] = []
  private readonly byConnection = new Map<ConnectionHandle, RoomMember>()
  private readonly backlog: RoomBacklog
  private batch: RoomBatch | undefined
  /** Members below this index have not been offered `batch` yet. */
  private next = 0
  private offers = 0
  /** Records in the batch that runs, or else in the one before. */
  private lastCount = 0
  /** Members may stand before what waits, and do not know it. */
  private isAhead = false
  private headSeq = NO_SEQ
  private ofEpoch = NO_EPOCH
  /** Since it was opened. */
  private recordsHeard = 0
  private bytesHeard = 0
  private unfollow: () => void = () => undefined

  private constructor(
    readonly room: RoomId,
    private readonly host: RoomFeedHost,
  ) {
    this.backlog = new RoomBacklog(host)
  }

  /** Of a room as it stands in the log; what is committed from then on will be told. */
  static async open(
    room: RoomId,
    { log, journal, host }: { readonly log: RoomLog; readonly journal: RoomJournal; readonly host: RoomFeedHost },
  ): Promise<RoomFeed> {
    const feed = new RoomFeed(room, host)
    feed.unfollow = await journal.follow(room, feed)
    try {
      const { epoch, seq } = await log.head(room)
      // If it was told of a restart meanwhile, what was read may be of the room before.
      if (feed.ofEpoch === NO_EPOCH) feed.ofEpoch = epoch
      if (feed.ofEpoch === epoch) feed.reaches(seq)
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

  get figures(): RoomFigures {
    const { room, recordsHeard: records, bytesHeard: bytes } = this
    return { room, records, bytes, connections: this.members.length }
  }

  get wantedLane(): Lane {
    return this.backlog.lane
  }

  memberOf(connection: ConnectionHandle): RoomMember | undefined {
    return this.byConnection.get(connection)
  }

  committed(record: RoomRecord, urgency: Urgency): void {
    if (record.seq <= this.headSeq) return
    this.recordsHeard += 1
    this.bytesHeard += record.body.length
    // Some before it were not told: members stand before those, and read on from there.
    if (record.prev !== this.headSeq) return this.reaches(record.seq)
    // Something may wait still for those who have left: it would not end at the head any more.
    if (!this.hasMembers) return this.reaches(record.seq)
    if (!this.backlog.add(record, urgency)) {
      this.host.overflowed()
      return this.reaches(record.seq)
    }
    this.headSeq = record.seq
    // Whoever was heard last has answered: there is nobody left to wait for.
    if (this.backlog.waiting >= this.lastCount) this.notBeforeMs = 0
    this.host.scheduled(this)
  }

  /** Members learn of it in the room's next turn: it may come with every record of a room that has no room. */
  reaches(seq: Seq): void {
    if (seq <= this.headSeq) return
    this.headSeq = seq
    this.backlog.dropWaiting()
    if (!this.hasMembers) return
    this.isAhead = true
    this.notBeforeMs = 0
    this.host.scheduled(this)
  }

  restarted(epoch: Epoch): void {
    this.drop()
    this.ofEpoch = epoch
    this.headSeq = NO_SEQ
    const members = this.members.splice(0)
    this.byConnection.clear()
    this.host.restarted(this, members)
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
    if (this.batch === undefined && this.isIdle) return { offers: 0, isDone: true }
    const batch = this.batch ?? this.start()
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
    return { offers, isDone: this.batch === undefined && this.isIdle }
  }

  /** Outside the room's order and never logged: who is behind or full goes without. Returns how many did. */
  offerEphemeral(frame: Buffer, sender?: ConnectionHandle): number {
    let dropped = 0
    for (const { connection, isLagging } of this.members) {
      if (connection !== sender && (isLagging || connection.deliverOrDrop(frame) !== 'queued')) dropped += 1
    }
    return dropped
  }

  /** Gives back what waits; the room is gone. */
  abandon(): void {
    this.unfollow()
    this.drop()
    this.host.unscheduled(this)
  }

  /** Nothing is to be begun. */
  private get isIdle(): boolean {
    return this.backlog.waiting === 0 && !this.isAhead
  }

  /** A batch of what waits; of nothing, if members only have to learn how far the room goes. */
  private start(): RoomBatch {
    const records = this.backlog.beginBatch()
    const prev = records[0]?.prev ?? this.headSeq
    this.isAhead = false
    this.next = this.members.length
    this.offers = 0
    this.lastCount = records.length
    this.batch = new RoomBatch({ id: this.room, epoch: this.epoch }, { prev, records }, this.host.maxFrameBytes)
    return this.batch
  }

  private finish(): void {
    const oldestTimeMs = this.batch?.oldestTimeMs
    this.batch = undefined
    const { lastCount: count, backlog } = this
    if (oldestTimeMs !== undefined) this.host.offered(count, oldestTimeMs)
    const left = backlog.waiting
    this.notBeforeMs = this.isAhead || left >= count ? 0 : this.host.notBefore(this.offers, left * 2 < count)
    backlog.endBatch()
  }

  private drop(): void {
    this.batch = undefined
    this.isAhead = false
    this.backlog.endBatch()
    this.backlog.dropWaiting()
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
    for (const { bytes, lastSeq, records } of frames) {
      if (member.connection.deliver(bytes) !== 'queued') {
        this.host.lagging(member)
        return 1
      }
      member.position = lastSeq
      this.host.counters.deliveries += records
    }
    return frames.length
  }
}
