/**
 * Admission, log, lanes: what chat sends goes in here and comes out at the members. Refuses only at the door; from the
 * moment a record is logged it reaches everyone, at a pace that leaves the event loop to others.
 */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import type { NewRecord, Placed, RoomHead, RoomLog, RoomJournal, Urgency } from '../log/room-log.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, Seq } from '../protocol/ids.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { Admission, type AdmissionLimits, type Lane } from './admission.js'
import { CatchUp } from './catch-up.js'
import { RoomDelivery, type DeliveryPriority } from './room-delivery.js'
import { bytesOf, type RoomFeed } from './room-feed.js'
import { RoomFeeds } from './room-feeds.js'
import { SliceLoop, type SliceLoopParts } from './slice-loop.js'
import { WaitingLine, type Admitted } from './waiting-line.js'

interface RouterParts extends SliceLoopParts {
  readonly log: RoomLog
  readonly journal: RoomJournal
  readonly settings: Settings
  readonly clock: Pick<Clock, 'every'>
}

const RETRY_AFTER_MS = 250

export class BackpressureRouter extends RoomDelivery {
  private readonly admission = new Admission(() => this.admissionLimits)
  private readonly slices: SliceLoop
  private readonly feeds: RoomFeeds
  private readonly catchUp: CatchUp
  private readonly waiting = new WaitingLine()
  private droppedEphemerals = 0

  constructor(private readonly parts: RouterParts) {
    super()
    this.slices = new SliceLoop(parts)
    const limits = () => parts.settings.current.transport
    this.catchUp = new CatchUp({ ...parts, limits })
    this.feeds = new RoomFeeds(parts, {
      get maxFrameBytes() {
        return limits().maxFrameBytes
      },
      notBefore: (offers, isThin) => this.slices.notBefore(offers, isThin),
      take: (lane, bytes) => this.admission.take(lane, bytes),
      release: (lane, bytes) => this.release(lane, bytes),
      scheduled: (feed) => this.slices.schedule(feed),
      lagging: (member) => this.catchUp.add(member),
    })
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

  /** Connections that read on from the log in some room. */
  get laggingConnections(): number {
    return this.catchUp.laggingConnections
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

  /** Copies of ephemeral frames that slow members went without. */
  get ephemeralsDropped(): number {
    return this.droppedEphemerals
  }

  override async append(room: RoomId, record: NewRecord, priority: DeliveryPriority): Promise<Placed> {
    // What is in the log already is neither refused for congestion nor delivered again.
    const { sender, id } = record
    const repeat = id === undefined ? undefined : this.parts.log.repeatOf(room, sender, id.messageId)
    if (repeat !== undefined) return repeat
    const feed = this.feeds.get(room) ?? (await this.feeds.open(room))
    const bytes = bytesOf(record)
    const { lane, isDegraded } = await this.admit(priority, bytes)
    try {
      // It may have waited, and what the log would write now belongs to a later room of that name.
      if (this.feeds.get(room) !== feed) throw new NestwireException(ErrorCode.RoomNotFound, `there is no room ${room}`)
      return await this.parts.journal.append(room, record, urgencyOf(priority, isDegraded))
    } finally {
      // Once logged it is held by the room's feed, if anybody hears that.
      this.release(lane, bytes)
    }
  }

  override async open(room: RoomId): Promise<void> {
    if (this.feeds.get(room) === undefined) await this.feeds.open(room)
  }

  override attach(room: RoomId, connection: ConnectionHandle, from?: Seq): RoomHead {
    return this.openFeed(room).attach(connection, from)
  }

  override head(room: RoomId): RoomHead {
    const { epoch, seq } = this.openFeed(room)
    return { epoch, seq }
  }

  override detach(room: RoomId, connection: ConnectionHandle): void {
    const member = this.feeds.get(room)?.detach(connection)
    if (member !== undefined) this.catchUp.remove(member)
  }

  override sendEphemeral(room: RoomId, frame: Buffer): void {
    this.droppedEphemerals += this.feeds.get(room)?.offerEphemeral(frame) ?? 0
  }

  override deleteRoom(room: RoomId): Promise<void> {
    const feed = this.feeds.get(room)
    if (feed !== undefined) {
      this.slices.remove(feed)
      feed.abandon()
    }
    return this.feeds.delete(room)
  }

  /** Members of this connection that are behind may go on. */
  connectionWritable(connection: ConnectionHandle): void {
    this.catchUp.connectionWritable(connection)
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
    if (verdict.kind === 'admitted') return verdict
    if (verdict.kind === 'wait') return this.waitInLine(priority, bytes)
    throw tooMuch()
  }

  /**
   * As many bytes may wait as a lane holds, any one message if none does. Notices are not refused: they are small, and
   * there is one for a request, of which each connection has few in flight.
   */
  private waitInLine(priority: DeliveryPriority, bytes: number): Promise<Admitted> {
    const { laneMaxBytes } = this.parts.settings.current.delivery
    const fits = this.waiting.isEmpty || this.waiting.bytes + bytes <= laneMaxBytes
    if (!fits && priority !== 'notice') throw tooMuch()
    return this.waiting.join(bytes)
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

const tooMuch = (): NestwireException =>
  new NestwireException(ErrorCode.Backpressure, 'the server has more to deliver than it can; try again', {
    retryAfterMs: RETRY_AFTER_MS,
  })
