import type { ServerResponse } from 'node:http'
import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Headers,
  NotFoundException,
  Param,
  Post,
  Res,
} from '@nestjs/common'
import { ChatService, ServerError, type LoggedItem, type SendReply } from 'nestwire'
import { z } from 'zod'
import { LiveRooms } from './live-rooms.js'
import { roomOf } from './order-rooms.js'

const message = z.strictObject({ text: z.string().min(1) })
const seq = z.coerce.number().int().min(0)

@Controller('orders/:order')
export class OrdersController {
  constructor(
    private readonly chat: ChatService,
    private readonly live: LiveRooms,
  ) {}

  /** Says it as the shop. The first message about an order founds its room. */
  @Post('messages')
  async post(@Param('order') order: string, @Body() body: unknown): Promise<SendReply> {
    const { data, error } = message.safeParse(body)
    if (error !== undefined) throw new BadRequestException(z.prettifyError(error))
    try {
      return await this.chat.send(roomOf(order), data.text)
    } catch (failure) {
      if (!isCode(failure, 'ROOM_NOT_FOUND')) throw failure
      await this.chat.rooms.join(roomOf(order))
      return this.chat.send(roomOf(order), data.text)
    }
  }

  @Get('messages')
  async read(@Param('order') order: string): Promise<readonly LoggedItem[]> {
    try {
      const { items } = await this.chat.history(roomOf(order))
      return items.filter(({ kind }) => kind === 'text')
    } catch (failure) {
      throw isCode(failure, 'ROOM_NOT_FOUND') ? new NotFoundException(`nobody has talked about ${order}`) : failure
    }
  }

  /** Server-sent events: each message with its seq as id, by which a browser that comes back says what it has seen. */
  @Get('live')
  watch(
    @Param('order') order: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: ServerResponse,
  ): void {
    this.live.show(roomOf(order), seq.safeParse(lastEventId).data, response)
  }
}

const isCode = (error: unknown, code: string): boolean => error instanceof ServerError && error.code === code
