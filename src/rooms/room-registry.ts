import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId } from '../protocol/ids.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import type { Room } from './room.js'
import { roomNotFound } from './room-refusals.js'
import { SortedNames } from './sorted-names.js'

/** The rooms there are, at most `maxRooms`. */
@Injectable()
export class RoomRegistry {
  private readonly rooms = new Map<RoomId, Room>()
  private names = new SortedNames<RoomId>()

  constructor(private readonly settings: Settings) {}

  [Symbol.iterator](): IterableIterator<Room> {
    return this.rooms.values()
  }

  get count(): number {
    return this.rooms.size
  }

  get(id: RoomId): Room | undefined {
    return this.rooms.get(id)
  }

  /** Throws ROOM_NOT_FOUND. */
  require(id: RoomId): Room {
    const room = this.rooms.get(id)
    if (room === undefined) throw roomNotFound(id)
    return room
  }

  /** Throws TOO_MANY_ROOMS. */
  add(room: Room): void {
    if (this.rooms.size >= this.settings.current.rooms.maxRooms) {
      throw new NestwireException(ErrorCode.TooManyRooms, 'the server holds as many rooms as it may')
    }
    this.rooms.set(room.id, room)
    this.names.add(room.id)
  }

  /** The rooms of before, when there are none yet; perhaps more than a limit says that was lowered meanwhile. */
  restore(rooms: Iterable<Room>): void {
    for (const room of rooms) this.rooms.set(room.id, room)
    this.names = new SortedNames(this.rooms.keys())
  }

  /** One that another node has founded, which is beyond no limit of ours. */
  adopt(room: Room): void {
    this.rooms.set(room.id, room)
    this.names.add(room.id)
  }

  delete(room: Room): void {
    this.rooms.delete(room.id)
    this.names.delete(room.id)
  }

  /** A page of rooms by name, in code-unit order. */
  page(after: string | undefined, limit: number): { readonly rooms: readonly Room[]; readonly more: boolean } {
    const { names, more } = this.names.page(after, limit)
    return { rooms: names.flatMap((name) => this.rooms.get(name) ?? []), more }
  }
}
