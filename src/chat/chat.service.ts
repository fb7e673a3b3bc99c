import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { RecordKind } from '../protocol/packets.js'
import { actsForSystem, RoomPolicy } from '../rooms/room-policy.js'
import { RoomRegistry } from '../rooms/room-registry.js'
import { notAllowed } from '../rooms/room-refusals.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import type { CallInfo } from '../transport/nestwire.context.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import type { SendReply } from './chat.contract.js'
import type { Message } from './message.js'
import { PublishRate } from './publish-rate.js'

/** Who sends, and on which of its devices. */
interface Publisher {
  readonly principal: Principal
  readonly connection: ConnectionHandle
}

@Injectable()
export class ChatService {
  constructor(
    private readonly rooms: RoomRegistry,
    private readonly policy: RoomPolicy,
    private readonly delivery: RoomDelivery,
    private readonly settings: Settings,
    private readonly rate: PublishRate,
  ) {}

  /** Resolves once the message is in the log; its delivery may come before or after. */
  async send(
    { principal: caller, connection }: Publisher,
    { room: id, body, id: messageIdentity }: Message,
    priority: CallInfo['priority'],
  ): Promise<SendReply> {
    const standing = this.rooms.require(id).standingOf(caller.user)
    if (!this.policy.maySend(caller, id, standing)) throw notAllowed(id, standing)
    const { maxMessageBytes } = this.settings.current.transport
    if (body.length > maxMessageBytes) {
      throw new NestwireException(ErrorCode.MessageTooLarge, `a message has at most ${maxMessageBytes} bytes`)
    }
    if (!actsForSystem(caller)) this.rate.spend(connection, body.length)
    const record = { kind: RecordKind.Text, sender: caller.user, body, id: messageIdentity }
    const { seq, timeMs } = await this.delivery.append(id, record, allowedPriority(caller, priority))
    return { seq, timeMs }
  }
}

/** The high lane belongs to the system: a user's wish for it counts as normal. */
const allowedPriority = (caller: Principal, asked: CallInfo['priority']): CallInfo['priority'] =>
  asked === 'high' && !actsForSystem(caller) ? 'normal' : asked
