/** A log in memory that other nodes append to, too. What comes of it to this node, and when, is up to the test. */
import type { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import {
  isRepeat,
  type NewRecord,
  type Placed,
  type RoomFollower,
  type RoomJournal,
  type Urgency,
} from '../../src/log/room-log.js'
import type { RoomId } from '../../src/protocol/ids.js'

export class SharedJournal implements RoomJournal {
  readonly isShared = true
  private readonly followers = new Map<RoomId, RoomFollower>()

  constructor(private readonly log: MemoryRoomLog) {}

  isFollowed(room: RoomId): boolean {
    return this.followers.has(room)
  }

  /** By this node or another. */
  async append(room: RoomId, record: NewRecord, urgency: Urgency = 'normal'): Promise<Placed> {
    const appended = await this.log.append(room, record)
    if (isRepeat(appended)) return appended
    this.followers.get(room)?.committed(appended, urgency)
    return { isRepeat: false, ...appended }
  }

  /** By another node, and this one is not told. */
  async appendUnheard(room: RoomId, record: NewRecord): Promise<void> {
    await this.log.append(room, record)
  }

  /** This node learns how far the room goes. */
  async look(room: RoomId): Promise<void> {
    const { seq } = await this.log.head(room)
    this.followers.get(room)?.reaches(seq)
  }

  /** Another node deletes the room. */
  async deleteElsewhere(room: RoomId): Promise<void> {
    await this.log.deleteRoom(room)
    const { epoch } = await this.log.head(room)
    this.followers.get(room)?.restarted(epoch)
  }

  async follow(room: RoomId, follower: RoomFollower): Promise<() => void> {
    this.followers.set(room, follower)
    return () => void this.followers.delete(room)
  }
}
