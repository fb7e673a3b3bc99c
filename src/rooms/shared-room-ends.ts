/**
 * How an empty room ends where other nodes may be about to enter it. Whoever finds it empty marks its entry as closing, by
 * compare-and-set. The store has all writes in one order, which decides: a membership that is in front of the mark keeps
 * the room, one behind it does not count, and comes again. Then the log goes (only the epoch that the mark names, so that a
 * slow node cannot delete the log of a later room), what else was said of the room, and the entry last. Before any of that
 * the mark is sealed, by compare-and-set: what one node deletes no other opens again.
 *
 * A node that dies on the way leaves a room that is empty or closing: the ring's owner of the room goes on with it.
 */
import { Logger } from '@nestjs/common'
import type { Clock } from '../clock.js'
import type { RoomDelivery } from '../delivery/room-delivery.js'
import { LogFault, reasonOf } from '../log/log-fault.js'
import type { RoomLog } from '../log/room-log.js'
import type { RoomOwnership } from '../log/room-ownership.js'
import type { SharedEntry, SharedStateStore } from '../log/state-store.js'
import { parseUserId, type RoomId, type UserId } from '../protocol/ids.js'
import { IdleRooms } from './idle-rooms.js'
import type { Presence } from './presence.js'
import type { RoomEnds } from './room-ends.js'
import type { RoomKey } from './room-key.js'
import { RoomIsGone } from './room-refusals.js'
import type { RoomRegistry } from './room-registry.js'
import type { RoomStore } from './room-store.js'
import type { Removal } from './room-writes.js'
import { decodeBanValue, decodeMemberValue, decodeRoomValue, encodeRoomValue, type RoomValue } from './room-values.js'
import type { Room } from './room.js'

interface SharedEndsParts {
  readonly state: SharedStateStore
  readonly registry: RoomRegistry
  readonly store: RoomStore
  readonly log: RoomLog
  readonly delivery: RoomDelivery
  readonly presence: Presence
  readonly ownership: RoomOwnership
  readonly clock: Pick<Clock, 'uptimeMs' | 'every'>
}

interface ClosingRoom {
  readonly saved: RoomValue & { readonly closing: NonNullable<RoomValue['closing']> }
  /** The entry as the store has it. */
  readonly entry: SharedEntry
}

export class SharedRoomEnds implements RoomEnds {
  private readonly logger = new Logger('Rooms')
  private readonly idle: IdleRooms
  private readonly closings = new Map<Room, Promise<void>>()

  constructor(private readonly parts: SharedEndsParts) {
    const { clock, ownership } = parts
    this.idle = new IdleRooms(clock, (room) => {
      if (ownership.isMine(room.id)) this.close(room).catch((error: unknown) => this.report(room, error))
    })
  }

  whenOpen(room: Room | undefined): Promise<void> | undefined {
    return room?.isClosing === true ? this.idle.whenOpen(room) : undefined
  }

  /** Nothing is left: the entry goes last. */
  async clearBefore(): Promise<void> {}

  async confirm(room: Room, user: UserId): Promise<void> {
    const { state, registry } = this.parts
    await state.caughtUp(['member', room.id, user])
    if (registry.get(room.id) !== room) throw new RoomIsGone(room.id)
    const closing = this.closingOf(room.id)
    if (closing === undefined) return
    const [membership] = state.currentEntries(['member', room.id, user])
    // Sealed is what had no membership in front of the mark.
    const isBehind = closing.saved.isSealed === true || (membership?.revision ?? Infinity) > closing.entry.revision
    if (isBehind) throw new RoomIsGone(room.id)
  }

  /** What this node has heard of by way of the store, the others have heard of as well, or do so in this moment. */
  async inForce(saved: Promise<void>, key: RoomKey): Promise<void> {
    await saved
    await this.parts.state.caughtUp(key)
  }

  async end(room: Room, keys: readonly RoomKey[], removal?: Removal): Promise<void> {
    const { registry, store, presence } = this.parts
    if (!room.isSaved) {
      // The founding has failed, or was never tried: nobody else knows of it.
      registry.delete(room)
      presence.forget(room)
      return store.save(keys, removal)
    }
    if (registry.get(room.id) === room) this.look(room)
    await store.save(keys, removal)
    // The membership has ended, whatever becomes of the room.
    if (registry.get(room.id) === room) await this.close(room).catch((error: unknown) => this.report(room, error))
  }

  /** Something about the room is another than before. */
  look(room: Room): void {
    this.idle.look(room)
  }

  /** It is gone from the registry. */
  forget(room: Room): void {
    this.idle.forget(room)
  }

  async stop(): Promise<void> {
    this.idle.stop()
    await Promise.allSettled(this.closings.values())
  }

  private close(room: Room): Promise<void> {
    const running = this.closings.get(room)
    if (running !== undefined) return running
    const closing = this.tryToClose(room).finally(() => {
      this.closings.delete(room)
      if (this.parts.registry.get(room.id) === room) this.look(room)
      else this.forget(room)
    })
    this.closings.set(room, closing)
    return closing
  }

  private async tryToClose(room: Room): Promise<void> {
    const closing = this.closingOf(room.id) ?? (await this.mark(room))
    if (closing?.saved.incarnation !== room.incarnation) return
    const { saved, entry } = closing
    if (saved.isSealed !== true && this.isNeeded(closing, room)) {
      const open = { ...saved, owner: room.owner, closing: undefined }
      await this.parts.state.replace(entry.key, entry.value, encodeRoomValue(open))
      room.isClosing = this.closingOf(room.id) !== undefined
      return
    }
    // From here on it cannot be opened again, and whoever was slower than another node leaves it to that one.
    const last = await this.seal(closing)
    if (last === undefined || this.parts.registry.get(room.id) !== room) return
    await this.parts.delivery.deleteRoom(room.id, saved.closing)
    await this.clear(room.id, saved)
    // Else another node has done so, and this one hears of it.
    if (await this.parts.state.replace(entry.key, last, undefined)) this.gone(room)
  }

  /** The entry as it stands until it goes; `undefined`: another node is, or was, at it. */
  private async seal({ saved, entry }: ClosingRoom): Promise<Buffer | undefined> {
    if (saved.isSealed === true) return entry.value
    const sealed = encodeRoomValue({ ...saved, isSealed: true })
    return (await this.parts.state.replace(entry.key, entry.value, sealed)) ? sealed : undefined
  }

  /** From here on nobody joins. `undefined`: it is not to be closed, or another node was faster. */
  private async mark(room: Room): Promise<ClosingRoom | undefined> {
    const { state, log, registry } = this.parts
    const { epoch } = await log.head(room.id)
    const [entry] = state.currentEntries(['room', room.id])
    if (entry === undefined || registry.get(room.id) !== room || room.memberCount > 0) return undefined
    const saved = decodeRoomValue(entry.value)
    if (saved.incarnation !== room.incarnation || saved.closing !== undefined) return undefined
    room.isClosing = true
    const isMarked = await state
      .replace(entry.key, entry.value, encodeRoomValue({ ...saved, closing: epoch }))
      .catch((error: unknown) => {
        room.isClosing = false
        throw error
      })
    room.isClosing = isMarked
    if (!isMarked) return undefined
    await state.caughtUp(entry.key)
    return this.closingOf(room.id)
  }

  /** Whether a membership is in front of the mark. */
  private isNeeded({ saved, entry }: ClosingRoom, room: Room): boolean {
    return this.parts.state.currentEntries(['member', room.id]).some(({ key: [, , user = ''], value, revision }) => {
      if (revision > entry.revision || decodeMemberValue(value).incarnation !== saved.incarnation) return false
      const name = parseUserId(user)
      return name !== undefined && !room.isBanned(name)
    })
  }

  /** What was said of this room, and of no later one of that name. */
  private async clear(id: RoomId, { incarnation }: RoomValue): Promise<void> {
    const { state } = this.parts
    const bans = state
      .currentEntries(['ban', id])
      .filter(({ value }) => decodeBanValue(value).incarnation === incarnation)
    const members = state
      .currentEntries(['member', id])
      .filter(({ value }) => decodeMemberValue(value).incarnation === incarnation)
    for (const { key, value } of [...bans, ...members]) await state.replace(key, value, undefined)
  }

  private closingOf(id: RoomId): ClosingRoom | undefined {
    const [entry] = this.parts.state.currentEntries(['room', id])
    if (entry === undefined) return undefined
    const saved = decodeRoomValue(entry.value)
    return saved.closing === undefined ? undefined : { entry, saved: { ...saved, closing: saved.closing } }
  }

  private gone(room: Room): void {
    const { registry, presence } = this.parts
    if (registry.get(room.id) === room) registry.delete(room)
    presence.forget(room)
    this.forget(room)
  }

  private report({ id }: Room, error: unknown): void {
    if (error instanceof LogFault) return // NATS is away: the next look tries again
    this.logger.warn(`the empty room ${id} was not deleted, and is tried again: ${reasonOf(error)}`)
  }
}
