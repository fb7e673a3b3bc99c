/**
 * Tells one follower how a room goes on. What the stream hands on comes at most once: right after a subscription 20 of 400
 * first messages never came. So the end of the room is asked for at once, 2 s later, after each new connection and every
 * 30 s of silence; if it is farther than what was told, the follower hears that, and reads.
 *
 * Invariant: told positions only grow, so nothing is told twice, and a record that comes late is left to be read.
 */
import type { Subscription } from '@nats-io/transport-node'
import { parseSeq, trustedSeq } from '../../protocol/ids.js'
import type { RoomFollower } from '../room-log.js'
import { notes, type RoomPlace } from './room-places.js'
import type { LogStream } from './log-stream.js'
import { decodeStored, type StoredRecord } from './stored-record.js'

/** The server of a subscription may not have told all others of it when it has confirmed it. */
const SECOND_CHECK_MS = 2_000
const QUIET_CHECK_MS = 30_000

interface FollowingParts {
  readonly stream: LogStream
  readonly follower: RoomFollower
  readonly uptimeMs: () => number
  /** A record that was seen live. */
  readonly seen: (place: RoomPlace, stored: StoredRecord) => void
}

export class RoomFollowing {
  private subscription: Subscription | undefined
  private told = 0
  /** Since then nothing was heard of the room. */
  private quietSinceMs = 0
  private checkAtMs = Infinity
  private isChecking = false
  private isEnded = false

  constructor(
    private place: RoomPlace,
    private readonly parts: FollowingParts,
  ) {}

  /** Resolves when the server has taken the subscription. */
  async start(): Promise<void> {
    const { connection } = this.parts.stream.link
    this.subscribe()
    await connection.flush()
    this.checkSoon()
  }

  /** The room may have another incarnation. */
  renew(place: RoomPlace): void {
    if (place.incarnation === this.place.incarnation) return
    this.subscription?.unsubscribe()
    this.place = place
    this.told = 0
    this.parts.follower.restarted(place.epoch)
    this.subscribe()
    this.checkSoon()
  }

  /** Now, and 2 s later. */
  checkSoon(): void {
    this.checkAtMs = this.parts.uptimeMs() + SECOND_CHECK_MS
    void this.check()
  }

  tick(nowMs: number): void {
    if (this.isChecking) return
    if (nowMs >= this.checkAtMs) {
      this.checkAtMs = Infinity
      void this.check()
    } else if (nowMs - this.quietSinceMs >= QUIET_CHECK_MS) void this.check()
  }

  end(): void {
    this.isEnded = true
    this.subscription?.unsubscribe()
  }

  private subscribe(): void {
    const { place } = this
    this.subscription = this.parts.stream.link.connection.subscribe(place.live, {
      callback: (error, { headers, data }) => {
        if (error !== null || place !== this.place) return
        const seq = parseSeq(Number(headers?.get('Nats-Sequence') ?? ''))
        const prev = parseSeq(Number(headers?.get('Nats-Last-Sequence') ?? ''))
        if (seq === undefined || prev === undefined || seq <= this.told) return
        const stored = decodeStored(data, seq, prev)
        this.heard(seq)
        if (stored === undefined) return this.parts.follower.reaches(seq)
        this.parts.seen(place, stored)
        this.parts.follower.committed(stored.record, stored.urgency)
      },
    })
  }

  private heard(seq: number): void {
    this.told = seq
    this.quietSinceMs = this.parts.uptimeMs()
    notes(this.place, seq)
  }

  private async check(): Promise<void> {
    if (this.isChecking) return
    this.isChecking = true
    const { place } = this
    this.quietSinceMs = this.parts.uptimeMs()
    try {
      const last = Math.max(await this.parts.stream.last(place.subject), place.known)
      if (this.isEnded || place !== this.place || last <= this.told) return
      this.heard(last)
      this.parts.follower.reaches(trustedSeq(last))
    } catch {
      // NATS is away or slow: the next tick asks again.
      this.checkAtMs = Math.min(this.checkAtMs, this.parts.uptimeMs())
    } finally {
      this.isChecking = false
    }
  }
}
