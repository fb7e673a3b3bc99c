/**
 * The appends of one room that have no outcome, in call order. Decides what is sent, and when it is sent again; knows
 * no connection. Invariants: what is sent goes out in call order; after a failure nothing new goes out before all that
 * has no acknowledgement was sent again, in order; an append is settled exactly once.
 *
 * Sending again is harmless, since the stream knows each by its id. Sending one alone again is not: publishes that were
 * retried one by one came out in another order (187 of 3,082 while the leader was killed).
 */
import { LogFault } from '../log-fault.js'

/** Not acknowledged for so long: it and what follows is sent again. */
export const RETRY_AFTER_MS = 2_000
/** Not acknowledged for so long: nothing new is sent, for it would overtake what may be lost. */
export const STALLED_AFTER_MS = 250
/** Between a failure and the next try. */
export const RETRY_PAUSE_MS = 100
/** Without an outcome for so long it is left open. */
export const DEADLINE_MS = 10_000
/** Of one room on their way at once. */
export const MAX_SENT = 1_024

export interface Acknowledgement {
  readonly seq: number
  /** The stream has had one of this id before. */
  readonly isDuplicate: boolean
  /** Our own first try may be the one before. */
  readonly wasSentAgain: boolean
}

export interface Append {
  readonly id: string
  readonly payload: Buffer
  readonly firstAtMs: number
  readonly acknowledge: (ack: Acknowledgement) => void
  readonly reject: (fault: LogFault) => void
}

interface Entry {
  readonly append: Append
  /** Tries that were refused are in the stream for sure not; with more tries than these it may be. */
  refusals: number
  tries: number
  sentAtMs: number
  /** Of all that this line sent. */
  sentAs: number
  ack: Acknowledgement | undefined
}

export class RoomLine {
  /** The first `sent` are on their way. */
  private readonly entries: Entry[] = []
  private sent = 0
  private dispatched = 0
  private resendAtMs: number | undefined

  constructor(private readonly send: (append: Append) => void) {}

  get length(): number {
    return this.entries.length
  }

  add(append: Append, nowMs: number): void {
    this.entries.push({ append, refusals: 0, tries: 0, sentAtMs: 0, sentAs: 0, ack: undefined })
    this.sendNew(nowMs)
  }

  acknowledged(id: string, seq: number, isDuplicate: boolean, nowMs: number): void {
    const entry = this.find(id)
    if (entry === undefined || entry.ack !== undefined) return
    entry.ack = { seq, isDuplicate, wasSentAgain: entry.tries > 1 }
    this.settleInOrder()
    const first = this.entries[0]
    // Acknowledgements come in order: what is still before this one was lost.
    if (this.sent > 0 && first !== undefined && first.sentAs < entry.sentAs) this.resendAt(nowMs)
    this.sendNew(nowMs)
  }

  /** The stream said that it did not take this one. `isFinal`: and never will. */
  refused(id: string, why: string, { isFinal, nowMs }: { isFinal: boolean; nowMs: number }): void {
    const entry = this.find(id)
    if (entry === undefined || entry.ack !== undefined) return
    entry.refusals += 1
    if (isFinal) {
      this.remove(entry)
      entry.append.reject(faultOf(entry, why))
      this.settleInOrder()
    } else {
      this.resendAt(nowMs + RETRY_PAUSE_MS)
    }
    this.sendNew(nowMs)
  }

  /** The connection is another one: nothing that was on its way will be answered. */
  reconnected(nowMs: number): void {
    if (this.sent > 0) this.resendAt(nowMs)
    this.tick(nowMs)
  }

  tick(nowMs: number): void {
    this.expire(nowMs)
    const first = this.entries[0]
    if (this.sent > 0 && first !== undefined && nowMs - first.sentAtMs >= RETRY_AFTER_MS) this.resendAt(nowMs)
    if (this.resendAtMs !== undefined && this.resendAtMs <= nowMs) this.sendAgain(nowMs)
    this.sendNew(nowMs)
  }

  /** Nothing will be answered any more. */
  abandon(why: string): void {
    for (const entry of this.entries.splice(0)) entry.append.reject(faultOf(entry, why))
    this.sent = 0
  }

  /** For how long the oldest has been on its way. */
  waitedMs(nowMs: number): number {
    const first = this.entries[0]
    return first === undefined ? 0 : nowMs - first.append.firstAtMs
  }

  private sendNew(nowMs: number): void {
    while (this.sent < Math.min(this.entries.length, MAX_SENT)) {
      const [first, next] = [this.entries[0], this.entries[this.sent]]
      if (first === undefined || next === undefined || this.resendAtMs !== undefined) return
      if (this.sent > 0 && nowMs - first.sentAtMs >= STALLED_AFTER_MS) return
      this.sent += 1
      this.dispatch(next, nowMs)
    }
  }

  private sendAgain(nowMs: number): void {
    this.resendAtMs = undefined
    for (const entry of this.entries.slice(0, this.sent)) if (entry.ack === undefined) this.dispatch(entry, nowMs)
  }

  private dispatch(entry: Entry, nowMs: number): void {
    entry.tries += 1
    entry.sentAtMs = nowMs
    entry.sentAs = this.dispatched += 1
    this.send(entry.append)
  }

  private resendAt(atMs: number): void {
    this.resendAtMs = Math.min(this.resendAtMs ?? Infinity, atMs)
  }

  private settleInOrder(): void {
    for (let first = this.entries[0]; first?.ack !== undefined; first = this.entries[0]) {
      this.remove(first)
      first.append.acknowledge(first.ack)
    }
  }

  private expire(nowMs: number): void {
    for (let first = this.entries[0]; first !== undefined; first = this.entries[0]) {
      if (nowMs - first.append.firstAtMs < DEADLINE_MS) return
      this.remove(first)
      first.append.reject(faultOf(first, `no acknowledgement within ${DEADLINE_MS / 1_000} s`))
      this.settleInOrder()
    }
  }

  private find(id: string): Entry | undefined {
    const first = this.entries[0]
    return first?.append.id === id ? first : this.entries.slice(0, this.sent).find(({ append }) => append.id === id)
  }

  private remove(entry: Entry): void {
    const index = this.entries.indexOf(entry)
    this.entries.splice(index, 1)
    if (index < this.sent) this.sent -= 1
    if (this.sent === 0) this.resendAtMs = undefined
  }
}

const faultOf = ({ tries, refusals }: Entry, why: string): LogFault =>
  tries > refusals ? LogFault.commitFailed(new Error(why)) : LogFault.unavailable(why)
