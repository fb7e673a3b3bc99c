/**
 * Presence between nodes. Each tells all others how many members of which rooms it has connected: what changed, at most once
 * in `presenceIntervalMs`, and every two seconds that it is there. Nothing of it is stored or sent twice; news are numbered,
 * so whoever missed some asks for all of it.
 *
 * One message for all rooms instead of one for each: a hundred thousand rooms cost no more messages than one, and a node
 * knows the counts of rooms in which it has nobody.
 */
import type { AllNodes } from '../cluster/nats-signals.js'
import type { NodeId } from '../cluster/node-id.js'
import type { Settings } from '../config/settings.js'
import type { RoomId } from '../protocol/ids.js'
import type { Timed, TimerWheel } from '../transport/timer-wheel.js'
import { NodeCounts } from './node-counts.js'
import { decodePresence, encodePresence, MAX_NEWS_COUNTS, type News, type PresenceMessage } from './presence-news.js'

const TELL_INTERVAL_MS = 2_000
/** Of 4,096 rooms each, some 2 ms. */
const MAX_NEWS_AT_ONCE = 4

/** Presence on the other nodes. */
export interface Elsewhere {
  /** Calls `recount` for each room whose count there may be another. */
  start(recount: (room: RoomId) => void): void
  /** Members of the room that are connected there. */
  of(room: RoomId): number
  /** As many members as before, or others, are connected here. */
  changed(room: RoomId): void
  close(): void
}

/** For a node alone. */
export const nowhereElse: Elsewhere = {
  start: () => undefined,
  of: () => 0,
  changed: () => undefined,
  close: () => undefined,
}

interface ClusterPresenceParts {
  readonly nodes: AllNodes
  readonly settings: Settings
  readonly wheel: TimerWheel
  /** Members of the room that are connected here; 0 for a room that is gone. */
  readonly onlineHere: (room: RoomId) => number
}

export class ClusterPresence implements Elsewhere, Timed {
  wheelSlot = -1
  dueAtMs = 0
  private readonly others = new NodeCounts()
  /** What the others were told, without zeros. */
  private readonly told = new Map<RoomId, number>()
  /** Rooms of which the others may have to hear. */
  private readonly changes = new Set<RoomId>()
  private nextNumber = 0
  private isWholeDue = true
  private toldAtMs = -Infinity
  private recount: (room: RoomId) => void = () => undefined
  private stopListening: () => void = () => undefined

  constructor(private readonly parts: ClusterPresenceParts) {}

  start(recount: (room: RoomId) => void): void {
    this.recount = recount
    this.stopListening = this.parts.nodes.listen((payload, sender) => this.hear(decodePresence(payload), sender))
    this.publish({ kind: 'ask', node: undefined })
    this.tell()
  }

  of(room: RoomId): number {
    return this.others.of(room)
  }

  changed(room: RoomId): void {
    if (this.parts.onlineHere(room) === (this.told.get(room) ?? 0)) return
    this.changes.add(room)
    this.schedule()
  }

  close(): void {
    this.parts.wheel.cancel(this)
    this.stopListening()
    this.publish({ kind: 'end' })
  }

  onDue(nowMs: number): void {
    // Silence is theirs only if we could have heard them.
    if (this.parts.nodes.isConnected) this.recountAll(this.others.expire(nowMs))
    else this.others.excuse(nowMs)
    this.tell()
  }

  private tell(): void {
    let isWhole = this.isWholeDue
    if (isWhole) {
      for (const room of this.told.keys()) this.changes.add(room)
      this.told.clear()
    }
    this.isWholeDue = false
    for (let messages = 0; messages < MAX_NEWS_AT_ONCE; messages += 1) {
      this.publish({ kind: 'news', number: this.nextNumber, isWhole, counts: this.takeChanges() })
      this.nextNumber += 1
      isWhole = false
      if (this.changes.size === 0) break
    }
    // What is left goes next, and what changes meanwhile waits for a while.
    this.toldAtMs = this.changes.size > 0 ? -Infinity : this.parts.wheel.nowMs
    this.schedule()
  }

  /** What the others do not know yet, as much as goes into one message; the rest stays for the next. */
  private takeChanges(): News['counts'] {
    const counts: [RoomId, number][] = []
    for (const room of this.changes) {
      if (counts.length === MAX_NEWS_COUNTS) break
      this.changes.delete(room)
      const online = this.parts.onlineHere(room)
      if (online === (this.told.get(room) ?? 0)) continue
      if (online > 0) this.told.set(room, online)
      else this.told.delete(room)
      counts.push([room, online])
    }
    return counts
  }

  private schedule(): void {
    const { settings, wheel } = this.parts
    const isNews = this.changes.size > 0 || this.isWholeDue
    const pauseMs = isNews ? Math.min(settings.current.rooms.presenceIntervalMs, TELL_INTERVAL_MS) : TELL_INTERVAL_MS
    const dueAtMs = Math.max(this.toldAtMs + pauseMs, wheel.nowMs)
    if (this.wheelSlot < 0 || dueAtMs < this.dueAtMs) wheel.schedule(this, dueAtMs)
  }

  private hear(message: PresenceMessage | undefined, sender: NodeId): void {
    const { nodes, wheel } = this.parts
    switch (message?.kind) {
      case 'news': {
        const { rooms, isToBeAsked } = this.others.hear(sender, message, wheel.nowMs)
        if (isToBeAsked) this.publish({ kind: 'ask', node: sender })
        return this.recountAll(rooms)
      }
      case 'ask':
        if (message.node !== undefined && message.node !== nodes.self) return
        this.isWholeDue = true
        return this.schedule()
      case 'end':
        return this.recountAll(this.others.remove(sender))
      case undefined:
    }
  }

  private recountAll(rooms: Iterable<RoomId>): void {
    for (const room of rooms) this.recount(room)
  }

  private publish(message: PresenceMessage): void {
    this.parts.nodes.publish(encodePresence(message))
  }
}
