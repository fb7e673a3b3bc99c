/** The coded answers of rooms and chat when somebody may not, in one place so that their words agree. */
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId } from '../protocol/ids.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { unreachable } from '../unreachable.js'
import type { Standing } from './room.js'

export const roomNotFound = (room: RoomId): NestwireException =>
  new NestwireException(ErrorCode.RoomNotFound, `there is no room ${room}`)

/** A room that is being deleted, or is gone, was to be entered; whoever comes again finds it open or founds another one. */
export class RoomIsGone extends NestwireException {
  constructor(room: RoomId) {
    super(ErrorCode.LogUnavailable, `${room} is being deleted`, { retryAfterMs: 250 })
  }
}

/** The policy said no to a caller of this standing. */
export function notAllowed(room: RoomId, standing: Standing): NestwireException {
  switch (standing) {
    case 'banned':
      return banned(room)
    case 'stranger':
      return new NestwireException(ErrorCode.NotAMember, `only members of ${room} may do this`)
    case 'owner':
    case 'member':
      return new NestwireException(ErrorCode.Forbidden, `not allowed in ${room}`)
    default:
      return unreachable(standing)
  }
}

export const banned = (room: RoomId): NestwireException =>
  new NestwireException(ErrorCode.Banned, `banned from ${room}`)

export const forbidden = (reason: string): NestwireException => new NestwireException(ErrorCode.Forbidden, reason)
