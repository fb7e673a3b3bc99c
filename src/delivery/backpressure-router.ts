/**
 * Admission, log, lanes: what chat sends goes in here and comes out at the members. Refuses only at the door; from the
 * moment a record is logged it reaches everyone, at a pace that leaves the event loop to others.
 */
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import { isRepeat, type Appended, type NewRecord, type RoomHead, type RoomLog } from '../log/room-log.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, Seq } from '../protocol/ids.js'
import type { RoomPosition } from '../protocol/packets.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { Admission, type AdmissionLimits, type AdmissionVerdict, type Lane } from './admission.js'
import { CatchUp } from './catch-up.js'
import { RoomDelivery, type DeliveryPriority } from './room-delivery.js'
import type { AdmittedRecord, RoomFeed } from './room-feed.js'
import { RoomFeeds } from './room-feeds.js'
import { RoomScheduler } from './room-scheduler.js'
import { SliceTimer } from './slice-timer.js'

interface RouterParts {
  readonly log: RoomLog
  readonly settings: Settings
  readonly clock: Pick<Clock, 'every'>
  /** Milliseconds with fractions; only differences count. */
  readonly nowMs: () => number
  /** Runs `task` once, after I/O had its turn. */
  readonly nextTick: (task: () => void) => void
  /** Has the outboxes write what the last so many offers gave them. */
  readonly flush: (offers: number) => void
}

type Admitted = Extract<AdmissionVerdict, { kind: 'admitted' }>

/** A message of the high lane that found it full. */
interface Waiting {
  readonly bytes: number
  readonly resolve: (admitted: Admitted) => void
}

/** What a record holds in admission beside its body: its bookkeeping on the way. */
const RECORD_OVERHEAD_BYTES = 128
const RETRY_AFTER_MS = 250

/** High, above low: where a room goes that has messages of both. */
const urgency: Readonly<Record<Lane, number>> = { high: 2, normal: 1, low: 0 }

export class BackpressureRouter extends RoomDelivery {
  private readonly admission = new Admission(() => this.admissionLimits)
  private readonly scheduler = new RoomScheduler()
  private readonly slices: SliceTimer
  private readonly feeds: RoomFeeds
  private readonly catchUp: CatchUp
  private readonly waiting: Waiting[] = []
  private isRunning = false
  private droppedEphemerals = 0
  private readonly runSlice = (): void => this.slice()

  constructor(private readonly parts: RouterParts) {
    super()
    this.slices = new SliceTimer(parts.nowMs)
    const limits = () => parts.settings.current.transport
    this.catchUp = new CatchUp({ ...parts, limits })
    this.feeds = new RoomFeeds(parts.log, {
      get maxFrameBytes() {
        return limits().maxFrameBytes
      },
      notBefore: (offers, isThin) => this.slices.notBefore(offers, isThin),
      offered: (records) => this.release(records),
      lagging: (member) => this.catchUp.add(member),
    })
  }

  get status(): 'normal' | 'congested' {
    return this.admission.status
  }

  /** Of messages that are admitted and not yet offered to every live member. */
  get heldBytes(): number {
    return this.admission.heldBytes
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

  override async append(room: RoomId, record: NewRecord, priority: DeliveryPriority): Promise<Appended> {
    // What is in the log already is neither refused for congestion nor delivered again.
    const { sender, id } = record
    const repeat = id === undefined ? undefined : this.parts.log.repeatOf(room, sender, id.messageId)
    if (repeat !== undefined) return repeat
    const feed = this.feeds.get(room) ?? (await this.feeds.open(room))
    const bytes = record.body.length + RECORD_OVERHEAD_BYTES
    const { lane, isDegraded } = await this.admit(priority, bytes)
    let committed: Appended
    try {
      // It may have waited, and what the log would write now belongs to a later room of that name.
      if (this.feeds.get(room) !== feed) throw new NestwireException(ErrorCode.RoomNotFound, `there is no room ${room}`)
      committed = await this.parts.log.append(room, record)
    } catch (error) {
      this.giveBack(lane, bytes)
      throw error
    }
    if (isRepeat(committed)) {
      this.giveBack(lane, bytes)
      return committed
    }
    const admitted = { record: committed, lane, bytes }
    // Nobody hears the room, or it was deleted meanwhile: there is nothing to deliver.
    if (this.feeds.get(room) !== feed || !feed.push(admitted)) this.release([admitted])
    else this.schedule(feed, priority === 'notice' ? 'normal' : lane, isDegraded)
    return committed
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

  override attachAt(connection: ConnectionHandle, position: RoomPosition): void {
    this.openFeed(position.room).attachAt(connection, position)
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
      this.scheduler.remove(feed)
      this.release(feed.abandon())
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

  /** Throws BACKPRESSURE. Who must wait does so in line, whatever would fit in between: order is order. */
  private admit(priority: DeliveryPriority, bytes: number): Admitted | Promise<Admitted> {
    const wanted: Lane = priority === 'notice' ? 'high' : priority
    if (wanted === 'high' && this.waiting.length > 0) return this.waitInLine(bytes)
    const verdict = this.admission.admit(wanted, bytes)
    if (verdict.kind === 'admitted') return verdict
    if (verdict.kind === 'wait') return this.waitInLine(bytes)
    throw new NestwireException(ErrorCode.Backpressure, 'the server has more to deliver than it can; try again', {
      retryAfterMs: RETRY_AFTER_MS,
    })
  }

  private waitInLine(bytes: number): Promise<Admitted> {
    return new Promise((resolve) => this.waiting.push({ bytes, resolve }))
  }

  /** A high message lifts its whole room, a degraded one takes it down: order inside the room never changes. */
  private schedule(feed: RoomFeed, lane: Lane, isDegraded: boolean): void {
    const current = feed.lane
    if (current === undefined || isDegraded || urgency[lane] > urgency[current]) this.scheduler.enqueue(feed, lane)
    if (this.isRunning) return
    this.isRunning = true
    this.parts.nextTick(this.runSlice)
  }

  private slice(): void {
    const { slices, scheduler } = this
    slices.begin()
    const offers = scheduler.runSlice(slices.startedAtMs, slices.maxOffers)
    this.parts.flush(offers)
    slices.end(offers)
    this.isRunning = scheduler.size > 0
    if (this.isRunning) this.parts.nextTick(this.runSlice)
  }

  private release(records: readonly AdmittedRecord[]): void {
    for (const { lane, bytes } of records) this.admission.release(lane, bytes)
    this.wakeWaiting()
  }

  private giveBack(lane: Lane, bytes: number): void {
    this.admission.release(lane, bytes)
    this.wakeWaiting()
  }

  private wakeWaiting(): void {
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      const verdict = this.admission.admit('high', first.bytes)
      if (verdict.kind !== 'admitted') return
      this.waiting.shift()
      first.resolve(verdict)
    }
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
