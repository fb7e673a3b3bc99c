/**
 * Admission, log, lanes: what chat sends goes in here and comes out at the members. Refuses only at the door; from the
 * moment a record is logged it reaches everyone, at a pace that leaves the event loop to others.
 */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { NewRecord, Placed, RoomHead, RoomLog, RoomJournal, Urgency } from '../log/room-log.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Epoch, RoomId, Seq } from '../protocol/ids.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { Admission, type AdmissionLimits, type Lane } from './admission.js'
import { AppendTurns } from './append-turns.js'
import { AppendsUnderWay, type RoomAppends } from './appends-under-way.js'
import { CatchUp, type Laggard } from './catch-up.js'
import { DeliveryCounters } from './delivery-counters.js'
import { bytesOf } from './room-backlog.js'
import { RoomDelivery, type DeliveryPriority } from './room-delivery.js'
import type { RoomFeed } from './room-feed.js'
import type { RoomFigures } from './room-feed.js'
import type { RoomMember } from './room-member.js'
import { RoomFeeds } from './room-feeds.js'
import { SliceLoop, type SliceLoopParts } from './slice-loop.js'
import { WaitingLine, type Admitted } from './waiting-line.js'

interface RouterParts extends SliceLoopParts {
  readonly log: RoomLog
  readonly journal: RoomJournal
  readonly settings: Settings
  readonly clock: Pick<Clock, 'every' | 'now' | 'uptimeMs'>
}

interface AppendCall {
  readonly room: RoomId
  readonly record: NewRecord
  readonly priority: DeliveryPriority
}

const RETRY_AFTER_MS = 250

export interface LaneLoad {
  readonly bytes: number
  readonly messages: number
  /** That have something to offer. */
  readonly rooms: number
}

export class BackpressureRouter extends RoomDelivery {
  readonly counters = new DeliveryCounters()
  private readonly admission = new Admission(() => this.admissionLimits)
  private readonly slices: SliceLoop
  private readonly feeds: RoomFeeds
  private readonly catchUp: CatchUp
  private readonly waiting = new WaitingLine()
  private readonly appends = new AppendsUnderWay()
  private readonly turns = new AppendTurns()

  constructor(private readonly parts: RouterParts) {
    super()
    this.slices = new SliceLoop(parts)
    const limits = () => parts.settings.current.transport
    this.catchUp = new CatchUp({ ...parts, limits, counters: this.counters })
    // A record is told to who followed the room when it was appended; in a shared log each comes by itself.
    const isInUse = (room: RoomId): boolean => !parts.journal.isShared && this.appends.isAppendedTo(room)
    const { log, journal, clock } = parts
    this.feeds = new RoomFeeds(
      { log, journal, clock, isInUse },
      {
        counters: this.counters,
        get maxFrameBytes() {
          return limits().maxFrameBytes
        },
        notBefore: (offers, isThin) => this.slices.notBefore(offers, isThin),
        take: (lane, bytes) => this.admission.take(lane, bytes),
        release: (lane, bytes) => this.release(lane, bytes),
        offered: (records, oldestTimeMs) => this.offered(records, oldestTimeMs),
        scheduled: (feed) => this.slices.schedule(feed),
        unscheduled: (feed) => this.slices.remove(feed),
        overflowed: () => void (this.counters.feedOverflows += 1),
        restarted: (feed, members) => this.restarted(feed, members),
        lagging: (member) => this.catchUp.add(member),
      },
    )
  }

  get status(): 'normal' | 'congested' {
    return this.admission.status
  }

  /** Of messages that are admitted or logged, and not yet offered to every live member. */
  get heldBytes(): number {
    return this.admission.heldBytes
  }

  /** Of high messages and notices that wait for room in their lane; beside `heldBytes`. */
  get waitingBytes(): number {
    return this.waiting.bytes
  }

  /** Messages that are admitted and wait for their sender's turn at the log. */
  get awaitingLog(): number {
    return this.turns.waiting
  }

  /** What is in a lane now. */
  laneLoad(lane: Lane): LaneLoad {
    return { ...this.admission.loadOf(lane), rooms: this.slices.roomsIn(lane) }
  }

  /** Connections that read on from the log in some room. */
  get laggingConnections(): number {
    return this.catchUp.laggingConnections
  }

  /** Those, and how far they are behind. */
  laggards(): Iterable<Laggard> {
    return this.catchUp.laggards()
  }

  /** Rooms that somebody hears or has just heard on this node. */
  *openRooms(): Generator<RoomFigures> {
    for (const feed of this.feeds) yield feed.figures
  }

  /** `undefined` for a room that is not open. */
  figuresOf(room: RoomId): RoomFigures | undefined {
    return this.feeds.get(room)?.figures
  }

  /** Reads of the log for them that are under way. */
  get catchUpReads(): number {
    return this.catchUp.readsUnderWay
  }

  /** Chunks kept for others at the same place. */
  get catchUpChunks(): number {
    return this.catchUp.chunksKept
  }

  /** Of their members, those that wait for the log to be readable again. */
  get unreadMembers(): number {
    return this.catchUp.unreadMembers
  }

  override async append(room: RoomId, record: NewRecord, priority: DeliveryPriority): Promise<Placed> {
    // What is in the log already is neither refused for congestion nor delivered again.
    const { sender, id } = record
    const repeat = id === undefined ? undefined : this.parts.log.repeatOf(room, sender, id.messageId)
    if (repeat !== undefined) {
      this.counters.repeats += 1
      return repeat
    }
    const appends = this.appends.begin(room)
    try {
      const isReady = this.readyForAppend(room)
      if (isReady !== undefined) await isReady
      return await this.appendTo(appends, { room, record, priority })
    } finally {
      this.appends.end(room, appends)
    }
  }

  override async open(room: RoomId): Promise<void> {
    const feed = this.feeds.get(room)
    if (feed === undefined) await this.feeds.open(room)
    else this.feeds.used(feed)
  }

  override attach(room: RoomId, connection: ConnectionHandle, from?: Seq): RoomHead {
    const feed = this.openFeed(room)
    const head = feed.attach(connection, from)
    this.feeds.used(feed)
    return head
  }

  override head(room: RoomId): RoomHead {
    const { epoch, seq } = this.openFeed(room)
    return { epoch, seq }
  }

  override detach(room: RoomId, connection: ConnectionHandle): void {
    const feed = this.feeds.get(room)
    const member = feed?.detach(connection)
    if (feed === undefined || member === undefined) return
    this.catchUp.remove(member)
    this.feeds.used(feed)
  }

  override sendEphemeral(room: RoomId, frame: Buffer, sender?: ConnectionHandle): void {
    this.counters.ephemeralsDropped += this.feeds.get(room)?.offerEphemeral(frame, sender) ?? 0
  }

  override deleteRoom(room: RoomId, epoch?: Epoch): Promise<void> {
    this.appends.roomGone(room)
    return this.feeds.delete(room, epoch)
  }

  /** Members of this connection that are behind may go on. */
  connectionWritable(connection: ConnectionHandle): void {
    this.catchUp.connectionWritable(connection)
  }

  private readyForAppend(room: RoomId): Promise<unknown> | undefined {
    // Whoever appends needs no feed where records come by themselves: it may be that nobody here hears the room.
    if (this.parts.journal.isShared) return this.feeds.deletionOf(room)
    return this.feeds.get(room) === undefined ? this.feeds.open(room) : undefined
  }

  private async appendTo(appends: RoomAppends, { room, record, priority }: AppendCall): Promise<Placed> {
    const bytes = bytesOf(record)
    const { lane, isDegraded } = await this.admit(priority, bytes)
    // A shared log is elsewhere, and has its own pace.
    const hasTurns = !this.parts.journal.isShared
    if (hasTurns) await this.turns.enter(record.sender)
    try {
      // It may have waited, and what the log would write now belongs to a later room of that name.
      if (appends.isRoomGone) throw new NestwireException(ErrorCode.RoomNotFound, `there is no room ${room}`)
      const placed = await this.parts.journal.append(room, record, urgencyOf(priority, isDegraded))
      this.published(placed, priority, record.body.length)
      return placed
    } finally {
      if (hasTurns) this.turns.leave()
      // Once logged it is held by the room's feed, if anybody hears that.
      this.release(lane, bytes)
    }
  }

  private published({ isRepeat }: Placed, priority: DeliveryPriority, bytes: number): void {
    const { counters } = this
    if (isRepeat) counters.repeats += 1
    else {
      counters.published[priority] += 1
      counters.publishedBytes += bytes
    }
  }

  private offered(records: number, oldestTimeMs: number): void {
    const { counters } = this
    counters.batches += 1
    counters.batchedRecords += records
    counters.lag.observe(Math.max(0, this.parts.clock.now() - oldestTimeMs) / 1000, records)
  }

  private restarted(feed: RoomFeed, members: readonly RoomMember[]): void {
    for (const member of members) this.catchUp.remove(member)
    this.appends.roomGone(feed.room)
    this.feeds.used(feed)
  }

  private openFeed(room: RoomId): RoomFeed {
    const feed = this.feeds.get(room)
    if (feed === undefined) throw new Error(`room ${room} is not open`)
    return feed
  }

  /** Throws BACKPRESSURE. */
  private admit(priority: DeliveryPriority, bytes: number): Admitted | Promise<Admitted> {
    const wanted: Lane = priority === 'notice' ? 'high' : priority
    if (wanted === 'high' && !this.waiting.isEmpty) return this.waitInLine(priority, bytes)
    const verdict = this.admission.admit(wanted, bytes)
    if (verdict.kind === 'admitted') {
      if (verdict.isDegraded) this.counters.degraded += 1
      return verdict
    }
    if (verdict.kind === 'wait') return this.waitInLine(priority, bytes)
    throw this.tooMuch(priority)
  }

  /**
   * As many bytes may wait as a lane holds, any one message if none does. Notices are not refused: they are small, and
   * there is one for a request, of which each connection has few in flight.
   */
  private waitInLine(priority: DeliveryPriority, bytes: number): Promise<Admitted> {
    const { laneMaxBytes } = this.parts.settings.current.delivery
    const fits = this.waiting.isEmpty || this.waiting.bytes + bytes <= laneMaxBytes
    if (!fits && priority !== 'notice') throw this.tooMuch(priority)
    this.counters.waited += 1
    return this.waiting.join(bytes)
  }

  private tooMuch(priority: DeliveryPriority): NestwireException {
    this.counters.refused[priority] += 1
    return new NestwireException(ErrorCode.Backpressure, 'the server has more to deliver than it can; try again', {
      retryAfterMs: RETRY_AFTER_MS,
    })
  }

  private release(lane: Lane, bytes: number): void {
    this.admission.release(lane, bytes)
    this.wakeWaiting()
  }

  private wakeWaiting(): void {
    this.waiting.serve((bytes) => this.admission.admit('high', bytes))
  }

  private get admissionLimits(): AdmissionLimits {
    const { laneMaxBytes, laneMaxMessages, maxTotalBytes, highFreePercent, normalFreePercent } =
      this.parts.settings.current.delivery
    const capacity = { maxBytes: laneMaxBytes, maxMessages: laneMaxMessages }
    return {
      lanes: { high: capacity, normal: capacity, low: capacity },
      maxTotalBytes,
      highFreePercent,
      normalFreePercent,
    }
  }
}

/** A notice is of normal urgency, so that nobody lifts a room by coming and going. */
function urgencyOf(priority: DeliveryPriority, isDegraded: boolean): Urgency {
  if (priority === 'notice') return 'normal'
  return isDegraded ? 'degraded' : priority
}
