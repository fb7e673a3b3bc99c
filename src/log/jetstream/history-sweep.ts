/**
 * Removes what rooms hold beyond their bytes and age, and what is left of deleted ones. The stream itself only counts
 * records. Each room is swept by the node that `isMine` says; if two think so, they do the same thing twice.
 *
 * Bounded: one room after the other, so many rooms and bytes a sweep; the next goes on with the room behind the last.
 */
import { Logger } from '@nestjs/common'
import type { Clock } from '../../clock.js'
import type { Settings } from '../../config/settings.js'
import type { RoomId } from '../../protocol/ids.js'
import { reasonOf } from '../log-fault.js'
import type { LogStream } from './log-stream.js'
import type { RoomHistory } from './room-history.js'
import type { RoomPlace, RoomPlaces } from './room-places.js'
import type { RoomRemoval } from './room-removal.js'
import { bodyBytesOf } from './stored-record.js'

const INTERVAL_MS = 60_000
const MAX_ROOMS = 2_000
const MAX_BYTES = 64 * 1024 * 1024

interface SweepParts {
  readonly stream: LogStream
  readonly places: RoomPlaces
  readonly history: RoomHistory
  readonly removal: RoomRemoval
  readonly settings: Settings
  readonly clock: Pick<Clock, 'every'>
  readonly isMine: (room: RoomId) => boolean
}

export class HistorySweep {
  private readonly logger = new Logger('RoomLog')
  private readonly stop: () => void
  /** By subject: bytes of the bodies behind the floor up to a seq. */
  private counted = new Map<string, { readonly upTo: number; readonly bytes: number }>()
  private lastSubject = ''
  private readBytes = 0
  private sweeping: Promise<void> | undefined
  private isClosed = false

  constructor(private readonly parts: SweepParts) {
    this.stop = parts.clock.every(INTERVAL_MS, () => {
      if (this.sweeping === undefined && parts.stream.link.fault() === undefined) void this.sweep()
    })
  }

  /** One behind the other. Never rejects: what could not be removed is by the next. */
  sweep(): Promise<void> {
    const sweeping = (this.sweeping ?? Promise.resolve())
      .then(() => this.sweepRooms())
      .catch((error: unknown) => this.logger.warn(`history was not trimmed: ${reasonOf(error)}`))
      .finally(() => {
        if (this.sweeping === sweeping) this.sweeping = undefined
      })
    this.sweeping = sweeping
    return sweeping
  }

  /** Waits for the room at hand at most; the rest is for another sweep. */
  async close(): Promise<void> {
    this.isClosed = true
    this.stop()
    await this.sweeping
  }

  private async sweepRooms(): Promise<void> {
    const counts = await this.parts.stream.countBySubject()
    for (const subject of this.counted.keys()) if (!counts.has(subject)) this.counted.delete(subject)
    const sorted = [...counts.keys()].toSorted()
    const behind = sorted.findIndex((subject) => subject > this.lastSubject)
    const inTurn = behind < 0 ? sorted : [...sorted.slice(behind), ...sorted.slice(0, behind)]
    this.readBytes = 0
    for (const subject of inTurn.slice(0, MAX_ROOMS)) {
      if (this.isClosed || this.readBytes >= MAX_BYTES) return
      this.lastSubject = subject
      await this.tidy(subject, counts.get(subject) ?? 0)
    }
  }

  private async tidy(subject: string, count: number): Promise<void> {
    const { stream, places, isMine } = this.parts
    const found = stream.subjects.ofLog(subject)
    if (found === undefined || !isMine(found.room)) return
    const place = places.of(found.room)
    if (place.subject !== subject) {
      // Something was appended to a room that had been deleted; or it is this node that has not heard of a new incarnation.
      if (!(await places.isCurrent(found.room, found.incarnation))) await stream.purgeAll(subject)
      return
    }
    await this.trimAge(place)
    await this.trimBytes(place, count)
  }

  private async trimAge(place: RoomPlace): Promise<void> {
    const { history, removal } = this.parts
    await history.hideExpired(place)
    if (place.expired > place.floor) await removal.trim(place, place.expired)
  }

  private async trimBytes(place: RoomPlace, count: number): Promise<void> {
    const { settings, removal } = this.parts
    const { log, transport } = settings.current
    if (count * transport.maxMessageBytes <= log.historyMaxBytes) return
    const known = this.counted.get(place.subject) ?? { upTo: place.floor, bytes: 0 }
    const added = await this.sizes(place, known.upTo)
    const upTo = added.at(-1)?.seq ?? known.upTo
    let bytes = known.bytes + sum(added)
    if (bytes > log.historyMaxBytes) {
      // Some of what was counted may be gone by the count of records.
      const all = await this.sizes(place, 0)
      bytes = sum(all)
      const cut = all.findIndex((size, index) => {
        if (bytes <= log.historyMaxBytes || index === all.length - 1) return true
        bytes -= size.bytes
        return false
      })
      const last = all[cut - 1]
      if (last !== undefined) await removal.trim(place, last.seq)
    }
    this.counted.set(place.subject, { upTo, bytes })
  }

  private async sizes(place: RoomPlace, after: number): Promise<readonly Size[]> {
    const sizes: Size[] = []
    for await (const { seq, payload } of this.parts.history.walk(place, after)) {
      this.readBytes += payload.length
      if (seq > place.floor) sizes.push({ seq, bytes: bodyBytesOf(payload) })
    }
    return sizes
  }
}

interface Size {
  readonly seq: number
  readonly bytes: number
}

const sum = (sizes: readonly Size[]): number => sizes.reduce((total, { bytes }) => total + bytes, 0)
