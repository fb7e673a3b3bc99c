/**
 * The frames that wait for one socket, bounded in bytes. Everything offered in one tick leaves in one write: the first
 * offer puts the outbox on the flusher's list, and the end of the tick flushes the list. Only answers leave sooner.
 *
 * Frames that wait are never copied or changed; the same buffer may stand in ten thousand outboxes. Several small ones are copied
 * into their write. What Node cannot pass on stays
 * here and not in the socket, so that `queuedBytes` tells the truth and a stalled reader shows within one chunk.
 */
import type { Socket } from 'node:net'
import type { OfferVerdict } from './connection-handle.js'
import { DeliveryWindow } from './delivery-window.js'
import { OutgoingCounters } from './transport-counters.js'

/** At most this much is handed to the socket at a time; the rest waits until it has left. */
const CHUNK_BYTES = 64 * 1024

/**
 * So much in several frames is copied into one buffer to be written; more is not: a reader that stalls holds what was written
 * last, and ten thousand of them must not hold as many copies of a chunk of deliveries.
 */
const MAX_COPIED_BYTES = 8 * 1024

/**
 * So many answers that wait do not wait for the end of the turn, the second time twice as many, and so on: the client works on
 * the first ones while the server makes the others, 1.7 times the calls a second (see `client/outgoing.ts`).
 */
const EARLY_ANSWERS = 32
/** The same in bytes, each time: with 8 streams of 1,000 items of 100 bytes 1.2 times the items a second. */
const EARLY_BYTES = 16 * 1024

/** Written at the end of one tick: about as many as a slice of a broadcast, after which the event loop gets its turn. */
const TICK_OUTBOXES = 64

/**
 * Collects the outboxes that got frames in this tick and flushes them at its end, a bounded number at a time: when
 * thousands connect at once their WELCOMEs must not hold up everybody else. One for all connections.
 */
export class TickFlusher {
  readonly counters = new OutgoingCounters()
  private dirty: Outbox[] = []
  private isScheduled = false
  private readonly run = (): void => this.flushSome()

  mark(outbox: Outbox): void {
    this.dirty.push(outbox)
    this.schedule()
  }

  /** Outboxes that wait for the end of the tick. */
  get marked(): number {
    return this.dirty.length
  }

  /** For whoever wants to know what the offers cost that it has just made: what came before them keeps its turn. */
  flushBehind(marked: number): void {
    for (const outbox of this.dirty.splice(marked)) outbox.flush()
  }

  private flushSome(): void {
    this.isScheduled = false
    for (const outbox of this.dirty.splice(0, TICK_OUTBOXES)) outbox.flush()
    if (this.dirty.length > 0) this.schedule()
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(this.run)
  }
}

/** Who is told that bytes have left: reading that was held for want of room may go on. */
export interface OutboxOwner {
  outboxFlushed(): void
}

export class Outbox {
  // One frame a tick is the rule for most members, so the array comes only with the second.
  private first: Buffer | undefined
  private rest: Buffer[] | undefined
  /** What is written before those. */
  private ahead: Buffer[] | undefined
  private heldBytes = 0
  /** All that was ever queued, but for the last words. */
  private totalBytes = 0
  private isMarked = false
  private isOpen = true
  /** Answers that are too many to wait on. */
  private earlyAnswers = EARLY_ANSWERS
  private isAnswering = false
  /** Only for clients that confirm what they read. */
  private window: DeliveryWindow | undefined
  private isDeliveryWaiting = false

  constructor(
    private readonly socket: Socket,
    private readonly flusher: TickFlusher,
    private readonly owner: OutboxOwner,
  ) {}

  /** Bytes that have not left yet, those inside the socket included. */
  get queuedBytes(): number {
    return this.heldBytes + this.socket.writableLength
  }

  /** Sent and not confirmed, or not sent yet. */
  get waitingBytes(): number {
    return Math.max(this.unconfirmedBytes, this.queuedBytes)
  }

  /** True while the socket takes nothing more; ends with its 'drain'. */
  get isBlocked(): boolean {
    return this.socket.writableNeedDrain
  }

  /** Nothing waits for a flush, nor for a 'drain'. */
  get isIdle(): boolean {
    return this.heldBytes === 0 && !this.isBlocked
  }

  /** Queues `frame` unless that would hold more than `maxBytes`; an empty outbox takes any frame. */
  offer(frame: Buffer, maxBytes: number): OfferVerdict {
    if (!this.isOpen) return 'closed'
    const queued = this.queuedBytes
    if (queued > 0 && queued + frame.length > maxBytes) return 'full'
    if (this.first === undefined) this.first = frame
    else (this.rest ??= []).push(frame)
    this.count(frame)
    return 'queued'
  }

  /**
   * Queues a frame whatever waits already. The first answers of a turn leave as soon as nothing more can be done without
   * new input, `EARLY_ANSWERS` before that, and what comes later at the end of the turn.
   */
  answer(frame: Buffer): void {
    this.offer(frame, Infinity)
    if ((this.rest?.length ?? 0) + 1 >= this.earlyAnswers) {
      this.earlyAnswers *= 2
      this.write()
    } else if (this.heldBytes >= EARLY_BYTES) this.write()
    else if (!this.isAnswering) {
      this.isAnswering = true
      process.nextTick(writeNow, this)
    }
  }

  /**
   * Queues a small frame that waits behind no data: an answer, a PING. Bounded by what was asked for, and by one PING an
   * interval.
   */
  offerAhead(frame: Buffer): void {
    if (!this.isOpen) return
    ;(this.ahead ??= []).push(frame)
    this.count(frame)
  }

  /** From now on the client tells by POSITION how much it has read. */
  expectConfirmations(): void {
    this.window = new DeliveryWindow()
  }

  /** Like `offer`, for what can wait in the log: within `windowBytes` of what the client has confirmed. */
  deliver(frame: Buffer, windowBytes: number): OfferVerdict {
    const verdict = this.deliverOrDrop(frame, windowBytes)
    if (verdict === 'full') this.isDeliveryWaiting = true
    return verdict
  }

  /** The same for what waits nowhere: nobody asks for news of room. */
  deliverOrDrop(frame: Buffer, windowBytes: number): OfferVerdict {
    const unconfirmed = this.unconfirmedBytes
    const isShut = unconfirmed > 0 && unconfirmed + frame.length > windowBytes
    return isShut ? 'full' : this.offer(frame, windowBytes)
  }

  /** True while at least half of the window is free; if not, `takeWritable` tells when it is. */
  readyToDeliver(windowBytes: number): boolean {
    const isReady = this.isOpen && this.waitingBytes * 2 <= windowBytes
    if (!isReady) this.isDeliveryWaiting = true
    return isReady
  }

  /** True once when there is room again for what was refused or not ready. */
  takeWritable(windowBytes: number): boolean {
    if (!this.isDeliveryWaiting || !this.readyToDeliver(windowBytes)) return false
    this.isDeliveryWaiting = false
    return true
  }

  /** False if the client cannot have read that much, or had read more before. */
  confirm(receivedBytes: number): boolean {
    return this.window?.confirm(receivedBytes, this.totalBytes) ?? true
  }

  /** Something waits until the client reads: in its room's log, or in the socket. */
  get isAwaited(): boolean {
    return this.isDeliveryWaiting || this.socket.writableLength > 0
  }

  /** All that was ever queued for the client. */
  get sentBytes(): number {
    return this.totalBytes
  }

  /** What the system has taken for the client. */
  get leftBytes(): number {
    return this.totalBytes - this.queuedBytes
  }

  /** What the client says that it has read; `undefined` for one that does not say. */
  get confirmedBytes(): number | undefined {
    return this.window?.confirmedBytes
  }

  /** Writes what the socket takes; the flusher calls it, and the connection on 'drain'. */
  flush(): void {
    this.isMarked = false
    this.isAnswering = false
    this.earlyAnswers = EARLY_ANSWERS
    this.write()
  }

  /** As `flush`, in the middle of a turn. */
  write(): void {
    const { first, rest } = this
    if (this.heldBytes === 0 || !this.isOpen || this.isBlocked) return
    if (this.ahead === undefined && first !== undefined && rest === undefined) {
      this.first = undefined
      this.heldBytes = 0
      this.socket.write(first)
      this.left(1, first.length)
    } else this.writeMany(first === undefined ? [] : [first, ...(rest ?? [])])
    this.owner.outboxFlushed()
  }

  /** Writes `last` behind what is queued (or instead of it) and ends the socket; nothing is taken afterwards. */
  end(last: Buffer, keepQueued: boolean): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.socket.cork()
    const queued = [...(this.ahead ?? []), ...(this.first === undefined ? [] : [this.first]), ...(this.rest ?? [])]
    if (keepQueued) for (const frame of queued) this.socket.write(frame)
    const { counters } = this.flusher
    counters.written(keepQueued ? queued.length + 1 : 1, (keepQueued ? this.heldBytes : 0) + last.length)
    this.release()
    this.socket.end(last)
  }

  /** Forgets what is queued; for a socket that is gone. */
  abandon(): void {
    this.isOpen = false
    this.release()
  }

  private get unconfirmedBytes(): number {
    return this.window?.unconfirmed(this.totalBytes) ?? 0
  }

  private left(frames: number, bytes: number): void {
    const { counters } = this.flusher
    counters.written(frames, bytes)
    counters.waitingBytes -= bytes
  }

  private release(): void {
    this.flusher.counters.waitingBytes -= this.heldBytes
    this.first = undefined
    this.rest = undefined
    this.ahead = undefined
    this.heldBytes = 0
  }

  private count(frame: Buffer): void {
    this.heldBytes += frame.length
    this.totalBytes += frame.length
    this.flusher.counters.waitingBytes += frame.length
    this.mark()
  }

  private mark(): void {
    if (this.isMarked) return
    this.isMarked = true
    this.flusher.mark(this)
  }

  /** What goes ahead, and of `frames`, which are all that wait behind it, as many as make up a chunk. */
  private writeMany(frames: readonly Buffer[]): void {
    const chunk = this.ahead ?? []
    let written = 0
    for (const frame of chunk) written += frame.length
    let taken = 0
    for (const frame of frames) {
      if (taken > 0 && written >= CHUNK_BYTES) break
      chunk.push(frame)
      written += frame.length
      taken += 1
    }
    this.heldBytes -= written
    writeChunk(this.socket, chunk, written)
    this.left(chunk.length, written)
    this.ahead = undefined
    this.first = frames[taken]
    this.rest = taken + 1 < frames.length ? frames.slice(taken + 1) : undefined
    // Room may be left in the socket already: go on next tick rather than starve the other outboxes of this one.
    if (this.first !== undefined && !this.isBlocked) this.mark()
  }
}

const writeNow = (outbox: Outbox): void => outbox.write()

/** Small frames are copied into one buffer: 32 of 30 bytes take 5 µs, by `writev`, which asks about each, 8. */
function writeChunk(socket: Socket, frames: readonly Buffer[], bytes: number): void {
  if (bytes <= MAX_COPIED_BYTES) {
    socket.write(Buffer.concat(frames, bytes))
    return
  }
  socket.cork()
  for (const frame of frames) socket.write(frame)
  socket.uncork()
}
