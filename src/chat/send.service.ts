import { Inject, Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import type { RoomLog } from '../log/room-log.js'
import { ROOM_LOG } from '../log/room-log.token.js'
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
export class SendService {
  constructor(
    private readonly rooms: RoomRegistry,
    private readonly policy: RoomPolicy,
    private readonly delivery: RoomDelivery,
    private readonly settings: Settings,
    private readonly rate: PublishRate,
    @Inject(ROOM_LOG) private readonly log: RoomLog,
  ) {}

  /**
   * Resolves once the message is in the log; its delivery may come before or after. What is in the log already is
   * answered as it was the first time, whatever would refuse it now.
   */
  async send(publisher: Publisher, message: Message, priority: CallInfo['priority']): Promise<SendReply> {
    const { principal: caller } = publisher
    const { room, body, id } = message
    try {
      this.check(publisher, message)
    } catch (refusal) {
      const repeat = id === undefined ? undefined : this.log.repeatOf(room, caller.user, id.messageId)
      if (repeat === undefined) throw refusal
      return replyOf(await repeat)
    }
    const record = { kind: RecordKind.Text, sender: caller.user, body, id }
    return replyOf(await this.delivery.append(room, record, allowedPriority(caller, priority)))
  }

  /** Throws what keeps the message from being sent, and counts it if nothing does. */
  private check({ principal: caller }: Publisher, { room: id, body }: Message): void {
    const standing = this.rooms.require(id).standingOf(caller.user)
    if (!this.policy.maySend(caller, id, standing)) throw notAllowed(id, standing)
    const { maxMessageBytes } = this.settings.current.transport
    if (body.length > maxMessageBytes) {
      throw new NestwireException(ErrorCode.MessageTooLarge, `a message has at most ${maxMessageBytes} bytes`)
    }
    if (!actsForSystem(caller)) this.rate.spend(caller.user, body.length)
  }
}

const replyOf = ({ seq, timeMs }: SendReply): SendReply => ({ seq, timeMs })

/** The high lane belongs to the system: a user's wish for it counts as normal. */
const allowedPriority = (caller: Principal, asked: CallInfo['priority']): CallInfo['priority'] =>
  asked === 'high' && !actsForSystem(caller) ? 'normal' : asked
