/**
 * Takes records away. A trim moves the room's floor in the state and keeps the record at it, since the stream tells `prev`
 * only as long as that one is there. A deletion gives the room another incarnation first, by compare-and-set, and then
 * purges the old subject: what is appended to that one later is seen by nobody.
 */
import { randomBytes } from 'node:crypto'
import type { Epoch, RoomId } from '../../protocol/ids.js'
import type { AppendLines } from './append-lines.js'
import type { KvStateStore } from './kv-state-store.js'
import type { LogStream } from './log-stream.js'
import type { RoomHistory } from './room-history.js'
import { decodeMark, encodeMark, type RoomMark } from './room-mark.js'
import type { RoomPlace, RoomPlaces } from './room-places.js'
import { INCARNATION_BYTES } from './room-subjects.js'

interface RemovalParts {
  readonly stream: LogStream
  readonly state: KvStateStore
  readonly lines: AppendLines
  readonly places: RoomPlaces
  readonly history: RoomHistory
}

export class RoomRemoval {
  /** Rooms that are about to have another incarnation. */
  private readonly renewing = new Map<RoomId, Promise<void>>()
  private readonly deleting = new Set<Promise<void>>()

  constructor(private readonly parts: RemovalParts) {}

  /** Resolves when a deletion that was called for has its new incarnation; `undefined` if none was. */
  newIncarnationOf(room: RoomId): Promise<void> | undefined {
    return this.renewing.get(room)
  }

  async trim(place: RoomPlace, upTo: number): Promise<void> {
    const [newest] = (await this.parts.history.newest(place, upTo + 1, 1)).slice(-1)
    if (newest === undefined || newest.seq <= place.floor) return
    const { incarnation } = place
    const floor = newest.seq
    await this.mark(place.room, (mark) =>
      mark.incarnation === incarnation && mark.floor < floor ? { incarnation, floor } : undefined,
    )
    await this.parts.stream.purgeBefore(place.subject, floor)
  }

  async deleteRoom(room: RoomId, epoch?: Epoch): Promise<void> {
    const before = this.renewing.get(room)
    const renewed = (before ?? Promise.resolve()).then(() => this.renew(room, epoch))
    const awaited = renewed.then(
      () => undefined,
      () => undefined,
    )
    this.renewing.set(room, awaited)
    void awaited.then(() => {
      if (this.renewing.get(room) === awaited) this.renewing.delete(room)
    })
    const deleted = renewed.then((old) => this.purge(old))
    this.deleting.add(deleted)
    try {
      await deleted
    } finally {
      this.deleting.delete(deleted)
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.deleting)
  }

  /** The place that counts no longer; `undefined` if the room is not in that epoch. */
  private async renew(room: RoomId, epoch: Epoch | undefined): Promise<RoomPlace | undefined> {
    const old = this.parts.places.of(room)
    if (epoch !== undefined && epoch !== old.epoch) return undefined
    const incarnation = randomBytes(INCARNATION_BYTES).readUIntBE(0, INCARNATION_BYTES)
    // If another node was faster, the room is deleted.
    await this.mark(room, (mark) => (mark.incarnation === old.incarnation ? { incarnation, floor: 0 } : undefined))
    return old
  }

  private async purge(place: RoomPlace | undefined): Promise<void> {
    if (place === undefined) return
    const { subject } = place
    await this.parts.lines.settledOf(subject)
    await this.parts.stream.purgeAll(subject)
  }

  private async mark(room: RoomId, change: (mark: RoomMark) => RoomMark | undefined): Promise<void> {
    const { state, places } = this.parts
    for (;;) {
      const held = state.current(['epoch', room])
      const changed = change(decodeMark(held))
      if (changed === undefined || (await state.replace(['epoch', room], held, encodeMark(changed)))) break
    }
    places.renew(room)
  }
}
