/**
 * The same where other nodes write too. The entry of a room changes by compare-and-set only: it is founded where there is
 * none, and gets another owner while it is the same room and nobody deletes it; whoever was slower has written nothing, and
 * `RoomReplica` brings memory to what the others made of it. What belongs to a room waits until its founding is decided, so
 * that it carries the incarnation that counts.
 */
import type { SharedStateStore } from '../log/state-store.js'
import type { RoomId } from '../protocol/ids.js'
import type { RoomKey } from './room-key.js'
import type { RoomRegistry } from './room-registry.js'
import { decodeRoomValue, encodeRoomValue } from './room-values.js'
import { valueInMemory, type Removal, type RoomWrites } from './room-writes.js'
import type { Room } from './room.js'

/** Each time another node was faster, and has changed the owner only. */
const MAX_TRIES = 5

interface SharedWritesParts {
  readonly state: SharedStateStore
  readonly registry: RoomRegistry
}

export class SharedRoomWrites implements RoomWrites {
  private readonly foundings = new Map<RoomId, Promise<void>>()
  private overtaken: (room: RoomId) => void = () => undefined

  constructor(private readonly parts: SharedWritesParts) {}

  /** Calls `listener` where another node was faster with a room: memory is to follow the store. */
  onOvertaken(listener: (room: RoomId) => void): void {
    this.overtaken = listener
  }

  /** Whoever has closed it has seen to that. */
  async forgetLog(): Promise<void> {}

  async write(key: RoomKey, removal?: Removal): Promise<void> {
    const [table, id] = key
    if (table === 'room') return this.writeRoom(id)
    const founding = this.foundings.get(id)
    if (founding !== undefined) await founding
    const { state, registry } = this.parts
    const value = valueInMemory(registry, key)
    if (value !== undefined) return state.put(key, value)
    if (table !== 'member' || removal?.isExact !== true) return state.remove(key, removal?.note)
    const { ended, note } = removal
    if (ended !== undefined) await state.replace(key, ended, undefined, note)
  }

  private async writeRoom(id: RoomId): Promise<void> {
    const { state, registry } = this.parts
    const room = registry.get(id)
    // One that is gone from memory is removed by whoever has closed it.
    if (room === undefined) return
    if (state.current(['room', id]) !== undefined || room.isSaved) return this.changeOwner(room)
    const founding = this.found(room)
    // Whoever waits writes in any case; if the founding fails, so does that, or it is undone with the join.
    const decided = founding.catch(() => undefined).finally(() => this.foundings.delete(id))
    this.foundings.set(id, decided)
    await founding
  }

  private async found(room: Room): Promise<void> {
    const isFounder = await this.parts.state.replace(['room', room.id], undefined, encodeRoomValue(room))
    if (isFounder) room.isSaved = true
    else this.overtaken(room.id)
  }

  private async changeOwner(room: Room): Promise<void> {
    const { state, registry } = this.parts
    const key = ['room', room.id] as const
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const held = state.current(key)
      const saved = held && decodeRoomValue(held)
      if (saved?.incarnation !== room.incarnation || saved.closing !== undefined) break
      if (registry.get(room.id) !== room || saved.owner === room.owner) return
      if (await state.replace(key, held, encodeRoomValue(room))) return
    }
    this.overtaken(room.id)
  }
}
