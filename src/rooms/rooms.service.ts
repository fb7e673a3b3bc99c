/** What the `rooms.*` patterns that change something do: ask the policy, then have the membership changed. */
import { Injectable } from '@nestjs/common'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { RoomId, UserId } from '../protocol/ids.js'
import { SessionsService } from '../sessions/sessions.service.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { MembershipService } from './membership.service.js'
import { RoomLimits } from './room-limits.js'
import { RoomPolicy } from './room-policy.js'
import { RoomRegistry } from './room-registry.js'
import { forbidden, notAllowed, RoomIsGone, roomNotFound } from './room-refusals.js'
import type { Room } from './room.js'
import type { ChangeReply, CreateReply, JoinReply } from './rooms.contract.js'

/** Each time the room was deleted by another node in that very moment. */
const MAX_TRIES = 3

@Injectable()
export class RoomsService {
  constructor(
    private readonly registry: RoomRegistry,
    private readonly memberships: MembershipService,
    private readonly policy: RoomPolicy,
    private readonly sessions: SessionsService,
    private readonly delivery: RoomDelivery,
    private readonly limits: RoomLimits,
  ) {}

  /** The caller becomes owner and first member; hears the room only after a join. */
  async create(caller: Principal, id: RoomId): Promise<CreateReply> {
    if (this.registry.get(id) !== undefined) throw roomExists(id)
    if (!this.policy.mayCreate(caller, id)) throw forbidden(`not allowed to create ${id}`)
    this.limits.admitFounding(caller)
    const room = this.memberships.found(id, caller.user)
    const { incarnation } = room
    await this.memberships.enter(room, caller)
    if (room.incarnation !== incarnation && room.owner !== caller.user) {
      // Somebody on another node has created it at the same time, and was faster.
      await this.memberships.end(id, caller.user, 'left')
      throw roomExists(id)
    }
    return standingIn(room, caller.user)
  }

  async join(caller: Principal, connection: ConnectionHandle, id: RoomId): Promise<JoinReply> {
    for (let tries = 1; ; tries += 1) {
      const opening = this.memberships.whenOpen(id)
      if (opening !== undefined) await opening
      try {
        return await this.tryToJoin(caller, connection, id)
      } catch (error) {
        if (!(error instanceof RoomIsGone) || tries === MAX_TRIES) throw error
      }
    }
  }

  private async tryToJoin(caller: Principal, connection: ConnectionHandle, id: RoomId): Promise<JoinReply> {
    const session = this.sessions.ofConnection(connection)
    if (session === undefined) throw forbidden('needs a session')
    this.limits.checkHeard(session, id)
    const room = this.roomToJoin(caller, id)
    const entering = this.memberships.enter(room, caller)
    // Counted before the log has answered, so that pipelined joins cannot pass the limit together.
    if (room.member(caller.user) !== undefined) this.memberships.arrive(room, session)
    const joinSeq = await entering
    // Nobody may have heard the room while that was saved.
    if (session.rooms.has(id)) await this.delivery.open(id)
    // The membership or the connection may have ended meanwhile.
    if (!session.rooms.has(id)) throw notAllowed(id, room.standingOf(caller.user) === 'banned' ? 'banned' : 'stranger')
    return { ...standingIn(room, caller.user), ...this.delivery.attach(id, connection, joinSeq) }
  }

  /** Idempotent: a room that is gone has been left too. */
  async leave(caller: Principal, id: RoomId): Promise<ChangeReply> {
    return { room: id, changed: await this.memberships.end(id, caller.user, 'left') }
  }

  async kick(caller: Principal, id: RoomId, user: UserId): Promise<ChangeReply> {
    this.checkMayRemove(caller, id, user)
    return { room: id, changed: await this.memberships.end(id, user, 'kicked') }
  }

  async ban(caller: Principal, id: RoomId, user: UserId): Promise<ChangeReply> {
    const room = this.checkMayRemove(caller, id, user)
    return { room: id, changed: await this.memberships.ban(room, user) }
  }

  async unban(caller: Principal, id: RoomId, user: UserId): Promise<ChangeReply> {
    const room = this.checkMayRemove(caller, id, user)
    return { room: id, changed: await this.memberships.unban(room, user) }
  }

  private roomToJoin(caller: Principal, id: RoomId): Room {
    const room = this.registry.get(id)
    if (room === undefined) {
      if (!this.policy.mayCreate(caller, id)) throw roomNotFound(id)
      this.limits.admitFounding(caller)
      return this.memberships.found(id, caller.user)
    }
    const standing = room.standingOf(caller.user)
    if (!this.policy.mayJoin(caller, id, standing)) throw forbidden(`not allowed to join ${id}`)
    return room
  }

  /** Returns the room, if the caller may remove `user` from it. */
  private checkMayRemove(caller: Principal, id: RoomId, user: UserId): Room {
    const room = this.registry.require(id)
    const standing = room.standingOf(caller.user)
    if (this.policy.mayRemove(caller, id, { standing, target: room.standingOf(user) })) return room
    throw notAllowed(id, standing)
  }
}

const roomExists = (id: RoomId): NestwireException => new NestwireException(ErrorCode.RoomExists, `${id} exists`)

const standingIn = (room: Room, user: UserId): CreateReply => ({
  room: room.id,
  role: room.owner === user ? 'owner' : 'member',
  members: room.memberCount,
})
