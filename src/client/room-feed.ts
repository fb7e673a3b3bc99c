/**
 * One room as its reader sees it: every record after the position once, in order, or a gap item that says what is
 * missing. Deliveries that do not follow the position are dropped and read again from the history, so what is held is
 * bounded whatever comes: by the queue's limits and one frame or page above them.
 *
 * While somebody iterates, a full queue stops the reading of the connection. While nobody does, or where reading must go on, the
 * feed falls behind and catches up from the history: nothing is lost that the server still has.
 */
import { NO_SEQ, type Epoch, type Seq } from '../protocol/ids.js'
import type { Deliver, Gap, Joined, RoomRecord } from '../protocol/packets.js'
import type { ClientConnection } from './client-connection.js'
import { ItemQueue, type QueueLimits } from './item-queue.js'
import { requestHistory } from './room-history.js'
import { toGapCause, toItem, type GapCause, type RoomItem } from './room-items.js'
import { place, standing, type ReaderPosition, type RecordBatch } from './room-position.js'

/** Why a room's loop ended without an error. */
export type EndReason = 'left' | 'kicked' | 'banned' | 'stopped' | 'closed'

interface FeedOptions {
  /** Where to start; `undefined` = with what comes after the join. */
  readonly startAfter: Seq | undefined
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
  private reason: EndReason | undefined

  constructor(
    readonly room: string,
    limits: QueueLimits,
    private readonly options: FeedOptions,
  ) {
    this.queue = new ItemQueue(limits)
  }

  get endReason(): EndReason | undefined {
    return this.reason
  }

  /** The connection is lost; the next `joined` goes on. */
  detach(): void {
    this.connection = undefined
    this.hasHeard = false
  }

  joined(connection: ClientConnection, { epoch, seq }: Joined): void {
    if (this.queue.isEnded) return
    this.connection = connection
    this.position ??= { epoch, seq: this.options.startAfter ?? seq }
    switch (standing(this.position, { epoch, seq })) {
      case 'otherEpoch':
        this.changeEpoch(epoch)
        break
      case 'ahead':
        if (!this.hasHeard) this.rewind(seq)
        break
      case 'behind':
      case 'level':
        break
    }
    this.catchUpTo(seq)
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
        this.changeEpoch(batch.epoch)
        return this.accept(batch)
      case 'next':
        this.hasHeard = true
        return this.queue.isFull ? this.catchUpTo(lastSeq(placement.records)) : this.take(placement.records)
    }
  }

  gap({ epoch, from, to, reason }: Gap): void {
    if (this.position?.epoch === epoch && to <= this.position.seq) return
    this.queue.push({ kind: 'gap', from, to, reason: toGapCause(reason) }, 0)
    this.position = { epoch, seq: to }
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

  /** Moves the position to `to` and says that what lies between is not to be had. */
  private skip(to: Seq, reason: GapCause): void {
    const from = this.position?.seq ?? to
    this.queue.push({ kind: 'gap', from, to, reason }, 0)
    this.moveTo(to)
  }

  /** The log is shorter than what was seen of it. */
  private rewind(to: Seq): void {
    this.skip(to, 'aheadOfLog')
    this.newestSeq = to
  }

  /** The log was begun anew: all of the new one is new. */
  private changeEpoch(epoch: Epoch): void {
    this.skip(NO_SEQ, 'epochChanged')
    this.position = { epoch, seq: NO_SEQ }
    this.newestSeq = NO_SEQ
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
    const over = (page: RecordBatch | undefined): void => {
      this.isFilling = false
      // The next connection starts over with its JOINED.
      if (connection.closedBy !== undefined) return
      this.fillFrom(position, page)
      this.startFilling()
    }
    requestHistory(connection, { room: this.room, after: position.seq }, over)
  }

  private fillFrom(asked: ReaderPosition, page: RecordBatch | undefined): void {
    // Meanwhile a GAP or a delivery of another epoch may have moved on.
    if (this.position?.epoch !== asked.epoch) return
    if (page !== undefined) this.takePage(this.position, page)
    // A refusal, or a page that leads nowhere: asking again would not end.
    if (this.position.seq === asked.seq && this.position.epoch === asked.epoch) {
      this.skip(this.newestSeq, page?.records.length === 0 ? 'trimmed' : 'unavailable')
    }
  }

  private takePage(position: ReaderPosition, page: RecordBatch): void {
    const [first] = page.records
    if (first === undefined) return
    if (page.epoch !== position.epoch) {
      this.changeEpoch(page.epoch)
      this.newestSeq = lastSeq(page.records)
      return
    }
    if (first.prev > position.seq) this.skip(first.prev, 'trimmed')
    const placement = place(this.position ?? position, page)
    if (placement.kind === 'next') this.take(placement.records)
  }
}

const lastSeq = (records: readonly RoomRecord[]): Seq => records.at(-1)?.seq ?? NO_SEQ
