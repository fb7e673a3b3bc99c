/**
 * Tells rooms how many members they have and how many of them are connected, here and on other nodes. Never logged, never
 * exact to the moment: at most one event a room and interval, none while the counts stay, no timer of a node alone while no
 * room changes.
 */
import type { Settings } from '../config/settings.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import type { Timed, TimerWheel } from '../transport/timer-wheel.js'
import type { Elsewhere } from './cluster-presence.js'
import { encodeRoomEvent } from './room-event.js'
import type { RoomRegistry } from './room-registry.js'
import type { Room } from './room.js'

/** Above `announceMembersMax` the interval grows with who is told here: an offer costs about 10 µs, so this is 1 % of a core. */
const INTERVAL_MS_PER_ONLINE = 1

interface PresenceParts {
  readonly registry: Pick<RoomRegistry, 'get'>
  readonly delivery: Pick<RoomDelivery, 'sendEphemeral'>
  readonly settings: Settings
  readonly wheel: TimerWheel
  readonly elsewhere: Elsewhere
}

export class Presence {
  /** Times that a room was told its counts. */
  eventsSent = 0
  private readonly rooms = new Map<Room, RoomPresence>()
  private readonly listeners: ((room: Room) => void)[] = []
  private isClosed = false

  constructor(private readonly parts: PresenceParts) {}

  start(): void {
    this.parts.elsewhere.start((id) => {
      const room = this.parts.registry.get(id)
      if (room !== undefined) this.recount(room)
    })
  }

  /** Calls `listener` whenever the members of a room that are connected here may have changed; as long as this lives. */
  onChanged(listener: (room: Room) => void): void {
    this.listeners.push(listener)
  }

  /** Members with a connection that hears the room; one who has some on several nodes counts for each of these. */
  onlineCount(room: Room): number {
    return room.onlineCount + this.parts.elsewhere.of(room.id)
  }

  /** The members of a room, or those connected here, may have changed. */
  changed(room: Room): void {
    if (this.isClosed) return
    this.parts.elsewhere.changed(room.id)
    for (const listener of this.listeners) listener(room)
    this.recount(room)
  }

  /** The room was deleted. */
  forget(room: Room): void {
    if (this.isClosed) return
    this.parts.elsewhere.changed(room.id)
    for (const listener of this.listeners) listener(room)
    this.drop(room)
  }

  close(): void {
    this.isClosed = true
    for (const presence of this.rooms.values()) this.parts.wheel.cancel(presence)
    this.rooms.clear()
    this.parts.elsewhere.close()
  }

  private recount(room: Room): void {
    // There is nobody to tell; whoever comes next is told anew.
    if (room.onlineCount === 0) return this.drop(room)
    let presence = this.rooms.get(room)
    if (presence === undefined) {
      presence = new RoomPresence(room, (due) => this.tell(due))
      this.rooms.set(room, presence)
    }
    if (presence.wheelSlot < 0 && presence.isStale(this.onlineCount(room))) {
      this.parts.wheel.schedule(presence, this.dueAtMs(presence))
    }
  }

  private drop(room: Room): void {
    const presence = this.rooms.get(room)
    if (presence !== undefined) this.parts.wheel.cancel(presence)
    this.rooms.delete(room)
  }

  private tell(presence: RoomPresence): void {
    const { delivery, wheel } = this.parts
    const { id, memberCount: members } = presence.room
    const online = this.onlineCount(presence.room)
    if (!presence.isStale(online)) return
    presence.told(online, wheel.nowMs)
    this.eventsSent += 1
    delivery.sendEphemeral(id, encodeRoomEvent('rooms.presence', { room: id, members, online }))
  }

  private dueAtMs({ room, toldAtMs }: RoomPresence): number {
    const { presenceIntervalMs, announceMembersMax } = this.parts.settings.current.rooms
    const isLarge = room.memberCount > announceMembersMax
    const intervalMs = isLarge
      ? Math.max(presenceIntervalMs, room.onlineCount * INTERVAL_MS_PER_ONLINE)
      : presenceIntervalMs
    return Math.max(this.parts.wheel.nowMs, toldAtMs + intervalMs)
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

  isStale(online: number): boolean {
    return this.toldMembers !== this.room.memberCount || this.toldOnline !== online
  }

  onDue(): void {
    this.tell(this)
  }

  told(online: number, nowMs: number): void {
    this.toldAtMs = nowMs
    this.toldMembers = this.room.memberCount
    this.toldOnline = online
  }
}
