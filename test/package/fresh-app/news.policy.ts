import { Injectable } from '@nestjs/common'
import type { Principal, RoomId } from 'nestwire'
import { DefaultRoomPolicy, type Standing } from 'nestwire/server'

/** Rooms named `news/…` are for everybody to read; services and admins alone open them and write there. */
@Injectable()
export class NewsPolicy extends DefaultRoomPolicy {
  override mayCreate(caller: Principal, room: RoomId) {
    return mayPublish(caller, room) && super.mayCreate(caller, room)
  }

  override maySend(caller: Principal, room: RoomId, standing: Standing) {
    return mayPublish(caller, room) && super.maySend(caller, room, standing)
  }
}

const mayPublish = ({ role }: Principal, room: RoomId): boolean => role !== 'user' || !room.startsWith('news/')
