import { Controller, Logger } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import type { UserId } from '../protocol/ids.js'
import { NESTWIRE_TRANSPORT } from '../transport/nestwire-transport.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { PayloadPipe } from '../transport/payload.pipe.js'
import { callerOf } from './caller.js'
import { RoomCatalogueService } from './room-catalogue.service.js'
import type {
  ChangeReply,
  CreateReply,
  InfoReply,
  JoinReply,
  ListReply,
  MembersReply,
  RoomsPayload,
  SignalReply,
} from './rooms.contract.js'
import { roomsPayloads } from './rooms.contract.js'
import { RoomsService } from './rooms.service.js'
import { SignalsService } from './signals.service.js'

/** Payloads, replies and errors of each pattern: `docs/PATTERNS.md`. */
@Controller()
export class RoomsController {
  private readonly logger = new Logger('Rooms')

  constructor(
    private readonly rooms: RoomsService,
    private readonly catalogue: RoomCatalogueService,
    private readonly signals: SignalsService,
  ) {}

  @MessagePattern('rooms.create', NESTWIRE_TRANSPORT)
  create(
    @Payload(new PayloadPipe(roomsPayloads['rooms.create'])) { room }: RoomsPayload<'rooms.create'>,
    @Ctx() context: NestwireContext,
  ): Promise<CreateReply> {
    return this.rooms.create(callerOf(context), room)
  }

  @MessagePattern('rooms.join', NESTWIRE_TRANSPORT)
  join(
    @Payload(new PayloadPipe(roomsPayloads['rooms.join'])) { room }: RoomsPayload<'rooms.join'>,
    @Ctx() context: NestwireContext,
  ): Promise<JoinReply> {
    return this.rooms.join(callerOf(context), context.getConnection(), room)
  }

  @MessagePattern('rooms.leave', NESTWIRE_TRANSPORT)
  leave(
    @Payload(new PayloadPipe(roomsPayloads['rooms.leave'])) { room }: RoomsPayload<'rooms.leave'>,
    @Ctx() context: NestwireContext,
  ): Promise<ChangeReply> {
    return this.rooms.leave(callerOf(context), room)
  }

  @MessagePattern('rooms.list', NESTWIRE_TRANSPORT)
  list(
    @Payload(new PayloadPipe(roomsPayloads['rooms.list'])) page: RoomsPayload<'rooms.list'>,
    @Ctx() context: NestwireContext,
  ): ListReply {
    callerOf(context)
    return this.catalogue.list(page)
  }

  @MessagePattern('rooms.info', NESTWIRE_TRANSPORT)
  info(
    @Payload(new PayloadPipe(roomsPayloads['rooms.info'])) { room }: RoomsPayload<'rooms.info'>,
    @Ctx() context: NestwireContext,
  ): Promise<InfoReply> {
    callerOf(context)
    return this.catalogue.info(room)
  }

  @MessagePattern('rooms.members', NESTWIRE_TRANSPORT)
  members(
    @Payload(new PayloadPipe(roomsPayloads['rooms.members'])) page: RoomsPayload<'rooms.members'>,
    @Ctx() context: NestwireContext,
  ): MembersReply {
    return this.catalogue.members(callerOf(context), page)
  }

  @MessagePattern('rooms.kick', NESTWIRE_TRANSPORT)
  async kick(
    @Payload(new PayloadPipe(roomsPayloads['rooms.kick'])) { room, user }: RoomsPayload<'rooms.kick'>,
    @Ctx() context: NestwireContext,
  ): Promise<ChangeReply> {
    return this.told(context, user, await this.rooms.kick(callerOf(context), room, user))
  }

  @MessagePattern('rooms.ban', NESTWIRE_TRANSPORT)
  async ban(
    @Payload(new PayloadPipe(roomsPayloads['rooms.ban'])) { room, user }: RoomsPayload<'rooms.ban'>,
    @Ctx() context: NestwireContext,
  ): Promise<ChangeReply> {
    return this.told(context, user, await this.rooms.ban(callerOf(context), room, user))
  }

  @MessagePattern('rooms.unban', NESTWIRE_TRANSPORT)
  async unban(
    @Payload(new PayloadPipe(roomsPayloads['rooms.unban'])) { room, user }: RoomsPayload<'rooms.unban'>,
    @Ctx() context: NestwireContext,
  ): Promise<ChangeReply> {
    return this.told(context, user, await this.rooms.unban(callerOf(context), room, user))
  }

  @MessagePattern('rooms.signal', NESTWIRE_TRANSPORT)
  signal(
    @Payload(new PayloadPipe(roomsPayloads['rooms.signal'])) payload: RoomsPayload<'rooms.signal'>,
    @Ctx() context: NestwireContext,
  ): SignalReply {
    return this.signals.signal({ principal: callerOf(context), connection: context.getConnection() }, payload)
  }

  /** Whoever is asked why somebody is gone finds who it was. */
  private told(context: NestwireContext, target: UserId, reply: ChangeReply): ChangeReply {
    if (reply.changed && Logger.isLevelEnabled('debug')) {
      this.logger.debug('done', { ...context.getLogFields(), room: reply.room, target })
    }
    return reply
  }
}
