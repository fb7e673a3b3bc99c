/**
 * Tells rooms how many members they have and how many of them are connected. Never logged, never exact to the moment:
 * at most one event a room and interval, none while the counts stay, no timer while no room changes.
 */
import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { TimerWheel, type Timed } from '../transport/timer-wheel.js'
import { encodeRoomEvent } from './room-event.js'
import type { Room } from './room.js'

/** Above `announceMembersMax` the interval grows with the room: an offer costs about 10 µs, so this is 1 % of a core. */
const INTERVAL_MS_PER_MEMBER = 1

@Injectable()
export class Presence {
  private readonly rooms = new Map<Room, RoomPresence>()

  constructor(
    private readonly delivery: RoomDelivery,
    private readonly settings: Settings,
    private readonly wheel: TimerWheel,
  ) {}

  /** The members of a room, or those connected, may have changed. */
  changed(room: Room): void {
    let presence = this.rooms.get(room)
    if (presence === undefined) {
      presence = new RoomPresence(room, (due) => this.tell(due))
      this.rooms.set(room, presence)
    }
    if (presence.wheelSlot < 0 && presence.isStale) this.wheel.schedule(presence, this.dueAtMs(presence))
  }

  forget(room: Room): void {
    const presence = this.rooms.get(room)
    if (presence === undefined) return
    this.wheel.cancel(presence)
    this.rooms.delete(room)
  }

  close(): void {
    for (const presence of this.rooms.values()) this.wheel.cancel(presence)
    this.rooms.clear()
  }

  private tell(presence: RoomPresence): void {
    if (!presence.isStale) return
    const { id, memberCount, onlineCount } = presence.room
    presence.told(this.wheel.nowMs)
    this.delivery.sendEphemeral(
      id,
      encodeRoomEvent('rooms.presence', { room: id, members: memberCount, online: onlineCount }),
    )
  }

  private dueAtMs({ room, toldAtMs }: RoomPresence): number {
    const { presenceIntervalMs, announceMembersMax } = this.settings.current.rooms
    const isLarge = room.memberCount > announceMembersMax
    const intervalMs = isLarge
      ? Math.max(presenceIntervalMs, room.memberCount * INTERVAL_MS_PER_MEMBER)
      : presenceIntervalMs
    return Math.max(this.wheel.nowMs, toldAtMs + intervalMs)
  }
}

/** What a room was told last, and when it may be told again. */
class RoomPresence implements Timed {
  wheelSlot = -1
  dueAtMs = 0
  toldAtMs = -Infinity
  private toldMembers = 0
  private toldOnline = 0

  constructor(
    readonly room: Room,
    private readonly tell: (presence: RoomPresence) => void,
  ) {}

  get isStale(): boolean {
    return this.toldMembers !== this.room.memberCount || this.toldOnline !== this.room.onlineCount
  }

  onDue(): void {
    this.tell(this)
  }

  told(nowMs: number): void {
    this.toldAtMs = nowMs
    this.toldMembers = this.room.memberCount
    this.toldOnline = this.room.onlineCount
  }
}
