/**
 * One room as its reader sees it: every record after the position once, in order, or a gap item that says what is
 * missing. Deliveries that do not follow the position are dropped and read again from the history, so what is held is
 * bounded whatever comes: by the queue's limits and one frame or page above them.
 *
 * While somebody iterates, a full queue stops the reading of the connection. While nobody does, or where reading must go on, the
 * feed falls behind and catches up from the history: nothing is lost that the server still has.
 */
import type { Clock } from '../clock.js'
import { NO_SEQ, type Epoch, type RoomId, type Seq } from '../protocol/ids.js'
import { GapReason, ResumeOutcome } from '../protocol/packets.js'
import type { Deliver, Gap, Joined, ResumedRoom, RoomPosition, RoomRecord } from '../protocol/packets.js'
import { Alarm } from './alarm.js'
import type { ClientConnection } from './client-connection.js'
import { NestwireError, ServerError } from './errors.js'
import { ItemQueue, type QueueLimits } from './item-queue.js'
import { judgeRetry } from './retry.js'
import { requestHistory } from './room-history.js'
import { toGapCause, toItem, type GapCause, type RoomItem } from './room-items.js'
import { place, standing, unbroken, type ReaderPosition, type RecordBatch } from './room-position.js'

/**
 * Why a room's loop ended without an error. `notAMember`: found out after an interruption, so nobody said whether the
 * user left it elsewhere or was removed, or whether the room is gone.
 */
export type EndReason = 'left' | 'kicked' | 'banned' | 'notAMember' | 'stopped' | 'closed'

interface FeedOptions {
  readonly queueLimits: QueueLimits
  /** Where to start; `undefined` = with what comes after the join. */
  readonly startAfter: Seq | undefined
  readonly clock: Clock
  /** 0 up to 1, for the jitter. */
  readonly random: () => number
  readonly onEnded: () => void
}

export class RoomFeed implements AsyncIterator<RoomItem, undefined> {
  private readonly queue: ItemQueue<RoomItem>
  private position: ReaderPosition | undefined
  /** The newest record known to exist. Above the position: there is something to fill. */
  private newestSeq: Seq = NO_SEQ
  /** Follows the room; `undefined` until JOINED. */
  private connection: ClientConnection | undefined
  /** A DELIVER of this connection moved the position: JOINED may be older than it. */
  private hasHeard = false
  private isFilling = false
  private isIterated = false
  /** The history could not be read, and is asked again. */
  private readonly fillingAgain: Alarm
  private refusals = 0
  private reason: EndReason | undefined

  constructor(
    readonly room: RoomId,
    private readonly options: FeedOptions,
  ) {
    this.queue = new ItemQueue(options.queueLimits)
    this.fillingAgain = new Alarm(options.clock, () => {
      this.isFilling = false
      this.startFilling()
    })
  }

  get endReason(): EndReason | undefined {
    return this.reason
  }

  /** For a RESUME; `undefined` before the first record or JOINED. */
  get resumePosition(): RoomPosition | undefined {
    return this.position && { room: this.room, ...this.position }
  }

  /** The connection is lost; the next `joined` or `resumed` goes on, and tells what there is. */
  detach(): void {
    this.fillingAgain.clear()
    this.connection = undefined
    this.hasHeard = false
    this.isFilling = false
    this.refusals = 0
    this.newestSeq = this.position?.seq ?? NO_SEQ
  }

  joined(connection: ClientConnection, { epoch, seq }: Joined): void {
    if (this.queue.isEnded) return
    this.connection = connection
    this.position ??= { epoch, seq: this.options.startAfter ?? seq }
    switch (standing(this.position, { epoch, seq })) {
      case 'otherEpoch':
        return this.changeEpoch(epoch, seq)
      case 'ahead':
        return this.hasHeard ? undefined : this.rewind(seq)
      case 'behind':
      case 'level':
        return this.catchUpTo(seq)
    }
  }

  /** Deliveries go on from the position, or from a GAP that comes before them. */
  resumed(connection: ClientConnection, { outcome }: ResumedRoom): void {
    if (outcome === ResumeOutcome.NotAMember) return this.end('notAMember')
    this.connection = connection
    if (this.queue.isFull && this.isIterated) connection.reading.hold(this)
    this.startFilling()
  }

  accept(batch: Deliver): void {
    const [first] = batch.records
    if (first === undefined || this.queue.isEnded) return
    // Deliveries may overtake JOINED; they start exactly after its seq.
    this.position ??= { epoch: batch.epoch, seq: this.options.startAfter ?? first.prev }
    const placement = place(this.position, batch)
    switch (placement.kind) {
      case 'seen':
        return
      case 'hole':
        return this.catchUpTo(placement.upTo)
      case 'otherEpoch':
        this.changeEpoch(batch.epoch, first.prev)
        return this.accept(batch)
      case 'next':
        this.hasHeard = true
        return this.queue.isFull ? this.catchUpTo(lastSeq(placement.records)) : this.take(placement.records)
    }
  }

  gap({ epoch, from, to, reason }: Gap): void {
    if (this.queue.isEnded) return
    this.position ??= { epoch, seq: from }
    this.hasHeard = true
    if (epoch !== this.position.epoch) return this.changeEpoch(epoch, to)
    if (reason === GapReason.AheadOfLog) return to < this.position.seq ? this.rewind(to) : undefined
    if (to <= this.position.seq) return
    // What was dropped before the gap can still be read.
    if (from > this.position.seq) return this.catchUpTo(to)
    this.skip(to, toGapCause(reason))
  }

  /** What is held can still be read, then the loop ends or throws `error`. */
  end(reason: EndReason, error?: Error): void {
    if (this.queue.isEnded) return
    this.reason = reason
    this.queue.end(error)
    this.connection?.reading.release(this)
    this.detach()
    this.options.onEnded()
  }

  next(): Promise<IteratorResult<RoomItem, undefined>> {
    this.isIterated = true
    const result = this.queue.next()
    if (this.queue.isDrained) {
      this.connection?.reading.release(this)
      this.startFilling()
    }
    return result
  }

  /** The loop was left. */
  return(): Promise<IteratorResult<RoomItem, undefined>> {
    this.end('stopped')
    this.queue.discard()
    return Promise.resolve({ done: true, value: undefined })
  }

  private take(records: readonly RoomRecord[]): void {
    for (const record of records) this.queue.push(toItem(record), record.body.length)
    this.moveTo(lastSeq(records))
    if (this.queue.isFull && this.isIterated) this.connection?.reading.hold(this)
  }

  private moveTo(seq: Seq): void {
    if (this.position !== undefined) this.position = { epoch: this.position.epoch, seq }
  }

  /** Moves the position to `to` and says that what lies between is not shown. */
  private skip(to: Seq, reason: GapCause, from: Seq = this.position?.seq ?? to): void {
    this.queue.push({ kind: 'gap', room: this.room, from, to, reason }, 0)
    this.moveTo(to)
  }

  /** The log is shorter than what was seen of it. */
  private rewind(to: Seq): void {
    this.skip(to, 'aheadOfLog')
    this.newestSeq = to
  }

  /** The log was begun anew; deliveries of the new one start after `seq`. */
  private changeEpoch(epoch: Epoch, seq: Seq): void {
    this.skip(seq, 'epochChanged', NO_SEQ)
    this.position = { epoch, seq }
    this.newestSeq = seq
  }

  private catchUpTo(seq: Seq): void {
    if (seq > this.newestSeq) this.newestSeq = seq
    this.startFilling()
  }

  private canFill(): boolean {
    const { position, queue } = this
    return position !== undefined && position.seq < this.newestSeq && !queue.isFull && !queue.isEnded
  }

  /**
   * Reads on from the history until the position is level with the newest record or the queue is full. Pages are taken
   * in the order of the packets, so that the delivery right after one follows it.
   */
  private startFilling(): void {
    const { connection, position } = this
    if (connection === undefined || position === undefined || this.isFilling || !this.canFill()) return
    this.isFilling = true
    // The question is no larger than a message without a body.
    if (!connection.hasRoomFor(0)) return this.fillWhenRoom(connection)
    const over = (page: RecordBatch | NestwireError): void => {
      // The next connection starts over.
      if (connection !== this.connection || connection.closedBy !== undefined) return
      if (this.isPostponed(page)) return
      this.isFilling = false
      this.fillFrom(position, page)
      this.startFilling()
    }
    requestHistory(connection, { room: this.room, after: position.seq }, over)
  }

  /** A question that would not fit is none that was refused. */
  private fillWhenRoom(connection: ClientConnection): void {
    void connection.whenRoom().then(() => {
      if (connection !== this.connection || connection.closedBy !== undefined) return
      this.isFilling = false
      this.startFilling()
    })
  }

  /** A refusal that may pass is no gap yet. */
  private isPostponed(page: RecordBatch | NestwireError): boolean {
    const verdict =
      page instanceof ServerError ? judgeRetry(page, this.refusals, this.options.random) : ({ kind: 'stop' } as const)
    this.refusals = verdict.kind === 'retry' ? this.refusals + 1 : 0
    if (verdict.kind === 'retry') this.fillingAgain.setBy(this.options.clock.uptimeMs() + verdict.delayMs)
    return verdict.kind === 'retry'
  }

  private fillFrom(asked: ReaderPosition, page: RecordBatch | NestwireError): void {
    // Meanwhile a GAP or a delivery of another epoch may have moved on.
    if (this.position?.epoch !== asked.epoch) return
    const isRefused = page instanceof NestwireError
    if (!isRefused) this.takePage(this.position, page)
    // A refusal, or a page that leads nowhere: asking again would not end.
    if (this.position.seq === asked.seq && this.position.epoch === asked.epoch) {
      this.skip(this.newestSeq, !isRefused && page.records.length === 0 ? 'trimmed' : 'unavailable')
    }
  }

  private takePage(position: ReaderPosition, page: RecordBatch): void {
    const [first] = page.records
    if (first === undefined) return
    if (page.epoch !== position.epoch) this.changeEpoch(page.epoch, first.prev)
    else if (first.prev > position.seq) this.skip(first.prev, 'trimmed')
    const placement = place(this.position ?? position, page)
    if (placement.kind !== 'next') return
    for (const run of unbroken(placement.records)) {
      const [{ prev }] = run
      // What a page leaves out, the same question would not bring.
      if (prev > (this.position?.seq ?? prev)) this.skip(prev, 'unavailable')
      this.take(run)
    }
  }
}

const lastSeq = (records: readonly RoomRecord[]): Seq => records.at(-1)?.seq ?? NO_SEQ
