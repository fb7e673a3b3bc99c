/**
 * Reads what the stream has of a room. Forwards: one reader a room, kept for a while, so that the next chunk goes on where
 * the last one stopped. Backwards: a server of 2.9 only reads forwards, so a walk begins a little before the end, and
 * eight times farther each time there was too little.
 */
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import type { Seq } from '../../protocol/ids.js'
import type { RoomRecord } from '../../protocol/packets.js'
import type { TrustedTime } from '../../trusted-time.js'
import { Turnstile } from '../../turnstile.js'
import { expiryOf } from '../retention.js'
import type { ReadLimit } from '../room-log.js'
import type { LogStream, StoredMessage } from './log-stream.js'
import { hiddenIn, type RoomPlace } from './room-places.js'
import { RoomWalk, shown, type Walked, type WalkStart } from './room-walk.js'
import { timeMsOf } from './stored-record.js'

/** Over all rooms; the rest waits. */
const MAX_READS = 64
/** A walk is kept for so long after its last chunk. */
const KEPT_MS = 5_000
const TICK_MS = 1_000
const FARTHER = 8
/** The oldest record of a room, which holds up the others, may go by their count. */
const LOOK_AGAIN_MS = 60_000

interface KeptWalk {
  readonly walk: RoomWalk
  readonly sinceMs: number
}

interface HistoryParts {
  readonly stream: LogStream
  readonly settings: Settings
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
  readonly time: TrustedTime
}

export class RoomHistory {
  private readonly reads = new Turnstile(() => MAX_READS)
  /** By subject; the walks that nobody uses at the moment. */
  private readonly kept = new Map<string, KeptWalk>()
  private readonly stop: () => void

  constructor(private readonly parts: HistoryParts) {
    this.stop = parts.clock.every(TICK_MS, () => this.forgetOld(KEPT_MS))
  }

  readAfter(place: RoomPlace, after: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    return this.reads.pass(async () => {
      await this.hideExpired(place)
      const start = { after: Math.max(after, hiddenIn(place)), wasRecord: true }
      const known = this.claim(place, start.after)
      if (known === undefined) return this.takeFrom(await this.open(place, start), limit)
      try {
        return await this.takeFrom(known, limit)
      } catch {
        // The server may have forgotten the reader.
        return this.takeFrom(await this.open(place, start), limit)
      }
    })
  }

  readBefore(place: RoomPlace, before: Seq, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    return this.reads.pass(async () => {
      await this.hideExpired(place)
      const newestFirst: RoomRecord[] = []
      let bytes = 0
      for (const message of (await this.newest(place, before, limit.maxRecords)).toReversed()) {
        const record = shown(message, place)
        if (record === undefined) continue
        bytes += record.body.length
        if (newestFirst.length > 0 && bytes > limit.maxBytes) break
        if (newestFirst.push(record) === limit.maxRecords) break
      }
      return newestFirst.toReversed()
    })
  }

  /**
   * Moves `expired` past what is too old, up to the first record that is not: a record goes only with all before it, so
   * that clocks which differ or were set back make no hole.
   */
  async hideExpired(place: RoomPlace): Promise<void> {
    const { settings, stream, time } = this.parts
    const expiredMs = expiryOf(settings.current.log, time.now())
    if (expiredMs === -Infinity || expiredMs < place.expiresAgainMs) return
    const oldest = await stream.first(place.subject, hiddenIn(place) + 1)
    if (oldest === undefined || this.isKept(place, oldest, expiredMs)) return
    for await (const walked of this.walk(place, hiddenIn(place))) {
      if (this.isKept(place, walked, expiredMs)) return
      // One that this version cannot read goes with an older one behind it, not alone.
      if (timeMsOf(walked.payload) !== undefined) place.expired = Math.max(place.expired, walked.seq)
    }
  }

  /** The newest messages before `before`, ascending, hidden ones among them: `count` or a few more, or all there are. */
  async newest(place: RoomPlace, before: number, count: number): Promise<readonly Walked[]> {
    const top = Math.min(before - 1, Math.max(place.known, await this.parts.stream.last(place.subject)))
    for (let span = count + 1; ; span *= FARTHER) {
      const after = Math.max(0, place.floor, top - span)
      if (top <= after && after <= place.floor) return []
      const walked = await this.between(place, after, top)
      if (walked.length >= count || after <= place.floor) return walked
    }
  }

  /** All messages behind `after`, hidden ones too. */
  async *walk(place: RoomPlace, after: number): AsyncIterable<Walked> {
    const walk = await this.open(place, { after, wasRecord: false })
    try {
      for (let next = await walk.next(); next !== undefined; next = await walk.next()) yield next
    } finally {
      walk.close()
    }
  }

  close(): void {
    this.stop()
    this.forgetOld(0)
  }

  /** Whether the record is not too old yet; then nothing is for as long, if it is not removed before. */
  private isKept(place: RoomPlace, { payload }: StoredMessage, expiredMs: number): boolean {
    const timeMs = timeMsOf(payload) ?? -Infinity
    if (timeMs <= expiredMs) return false
    place.expiresAgainMs = Math.min(timeMs, expiredMs + LOOK_AGAIN_MS)
    return true
  }

  /** All messages behind `after` up to `top`. */
  private async between(place: RoomPlace, after: number, top: number): Promise<readonly Walked[]> {
    const walk = await this.open(place, { after, wasRecord: false })
    const walked: Walked[] = []
    try {
      while (walk.position < top) {
        const message = await walk.next()
        if (message === undefined || message.seq > top) break
        walked.push(message)
      }
      return walk.isAnchored ? walked : walked.slice(1)
    } finally {
      walk.close()
    }
  }

  private open(place: RoomPlace, start: Pick<WalkStart, 'after' | 'wasRecord'>): Promise<RoomWalk> {
    const { stream, settings } = this.parts
    return RoomWalk.open(stream, place, { ...start, maxRecords: settings.current.log.historyMaxRecords })
  }

  private claim({ subject }: RoomPlace, position: number): RoomWalk | undefined {
    const kept = this.kept.get(subject)
    if (kept === undefined || kept.walk.position !== position || !kept.walk.isUsable) return undefined
    this.kept.delete(subject)
    return kept.walk
  }

  private async takeFrom(walk: RoomWalk, limit: ReadLimit): Promise<readonly RoomRecord[]> {
    const records = await walk.take(limit)
    const { subject } = walk.place
    this.kept.get(subject)?.walk.close()
    this.kept.set(subject, { walk, sinceMs: this.parts.clock.uptimeMs() })
    return records
  }

  private forgetOld(ageMs: number): void {
    const nowMs = this.parts.clock.uptimeMs()
    for (const [subject, { walk, sinceMs }] of this.kept) {
      if (nowMs - sinceMs < ageMs) continue
      walk.close()
      this.kept.delete(subject)
    }
  }
}
