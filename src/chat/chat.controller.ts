import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { callerOf } from '../rooms/caller.js'
import { NESTWIRE_TRANSPORT } from '../transport/nestwire-transport.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { PayloadPipe } from '../transport/payload.pipe.js'
import { chatPayloads, type ChatPayload, type HistoryReply, type SendReply } from './chat.contract.js'
import { SendService } from './send.service.js'
import { HistoryTurns } from './history-turns.js'
import { HistoryService } from './history.service.js'
import { Message } from './message.js'
import { MessagePipe } from './message.pipe.js'

/** Payloads, replies and errors of each pattern: `docs/PATTERNS.md`. */
@Controller()
export class ChatController {
  constructor(
    private readonly chat: SendService,
    private readonly past: HistoryService,
    private readonly turns: HistoryTurns,
  ) {}

  @MessagePattern('chat.send', NESTWIRE_TRANSPORT)
  send(@Payload(new MessagePipe()) message: Message, @Ctx() context: NestwireContext): Promise<SendReply> {
    const publisher = { principal: callerOf(context), connection: context.getConnection() }
    return this.chat.send(publisher, message, context.getPriority())
  }

  @MessagePattern('chat.history', NESTWIRE_TRANSPORT)
  history(
    @Payload(new PayloadPipe(chatPayloads['chat.history'])) page: ChatPayload<'chat.history'>,
    @Ctx() context: NestwireContext,
  ): Promise<HistoryReply> {
    const caller = callerOf(context)
    return this.turns.take(context, () => this.past.read(caller, page))
  }
}
