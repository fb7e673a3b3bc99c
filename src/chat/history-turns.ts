/**
 * Whose page of history is read next. A request for one is small, and the page is up to a frame that takes a millisecond to
 * read and to write: 20 connections that asked for 1,000 each and read nothing held the server for 15 s and took 1 GB. So a
 * connection has one read at a time, connections in turn; a few are under way in all, and none begins in a tick after so
 * long; and whoever does not read the answers is read no further ones.
 */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'

/** Reads under way at a time. */
const MAX_READS = 4
/** No read begins in a tick after so long: an embedded log reads while it is being asked. */
const TICK_MS = 0.5
/** Who did not read the answers is looked at again this often. */
const LOOK_MS = 20

type Reader = Pick<ConnectionHandle, 'queuedBytes' | 'isClosed'>
/** Who asks: a `NestwireContext`. */
interface Asker {
  readonly isAbandoned: boolean
  getConnection(): Reader
}
interface Turn {
  readonly asker: Asker
  /** Never rejects. */
  readonly read: () => Promise<void>
  readonly drop: () => void
}

/** Holds of a connection at most as many turns as it may have requests in flight: a cancelled one is no request, and gives way. */
@Injectable()
export class HistoryTurns {
  /** In the order of their turns. Whoever is in one of these three is in no other. */
  private readonly waiting = new Map<Reader, Turn[]>()
  /** They have to read first what they were answered. */
  private readonly choked = new Map<Reader, Turn[]>()
  /** A read of theirs is under way; what else they asked for. */
  private readonly reading = new Map<Reader, Turn[]>()
  private isPumpDue = false
  private stopLooking: (() => void) | undefined
  private readonly pump = (): void => this.beginReads()

  constructor(
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'every'>,
  ) {}

  /** Settles as `read` does; if nobody waits for the answer before its turn comes, nothing is read, and it rejects. */
  take<Result>(asker: Asker, read: () => Promise<Result>): Promise<Result> {
    const reader = asker.getConnection()
    return new Promise((resolve, reject) => {
      const drop = (): void => reject(new NestwireException(ErrorCode.DeadlineExceeded, 'nobody waits for it any more'))
      const turn = { asker, read: () => read().then(resolve, reject), drop }
      const turns = this.waiting.get(reader) ?? this.choked.get(reader) ?? this.reading.get(reader)
      if (turns !== undefined) return this.join(turns, turn)
      this.waiting.set(reader, [turn])
      this.pumpSoon()
    })
  }

  private join(turns: Turn[], turn: Turn): void {
    if (turns.length >= this.settings.current.transport.maxInFlightRequests) {
      for (const waiting of turns.splice(0)) {
        if (waiting.asker.isAbandoned) waiting.drop()
        else turns.push(waiting)
      }
    }
    turns.push(turn)
  }

  private pumpSoon(): void {
    if (this.isPumpDue) return
    this.isPumpDue = true
    setImmediate(this.pump)
  }

  private beginReads(): void {
    this.isPumpDue = false
    const startedAtMs = performance.now()
    for (const [reader, turns] of this.waiting) {
      if (this.reading.size >= MAX_READS || performance.now() - startedAtMs > TICK_MS) break
      this.waiting.delete(reader)
      if (reader.isClosed) for (const turn of turns) turn.drop()
      else if (this.isChoked(reader)) this.setAside(reader, turns)
      else this.begin(reader, turns)
    }
    if (this.waiting.size > 0 && this.reading.size < MAX_READS) this.pumpSoon()
  }

  private begin(reader: Reader, turns: Turn[]): void {
    let turn = turns.shift()
    for (; turn?.asker.isAbandoned === true; turn = turns.shift()) turn.drop()
    if (turn === undefined) return
    this.reading.set(reader, turns)
    void turn.read().then(() => {
      this.reading.delete(reader)
      if (turns.length > 0) this.waiting.set(reader, turns)
      if (this.waiting.size > 0) this.pumpSoon()
    })
  }

  private isChoked({ queuedBytes }: Reader): boolean {
    return queuedBytes > this.settings.current.transport.maxOutboxBytes / 2
  }

  private setAside(reader: Reader, turns: Turn[]): void {
    this.choked.set(reader, turns)
    this.stopLooking ??= this.clock.every(LOOK_MS, () => this.look())
  }

  private look(): void {
    for (const [reader, turns] of this.choked) {
      if (!reader.isClosed && this.isChoked(reader)) continue
      this.choked.delete(reader)
      this.waiting.set(reader, turns)
    }
    if (this.waiting.size > 0) this.pumpSoon()
    if (this.choked.size > 0) return
    this.stopLooking?.()
    this.stopLooking = undefined
  }
}
