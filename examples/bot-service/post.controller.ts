import { BadGatewayException, BadRequestException, Body, Controller, NotFoundException, Post } from '@nestjs/common'
import { ChatService, NestwireError, type SendReply } from 'nestwire'
import { z } from 'zod'

const message = z.strictObject({ room: z.string(), text: z.string() })

/** `POST /post {"room":"lobby","text":"hi"}`: says it as the bot, answers with its place in the room. */
@Controller('post')
export class PostController {
  constructor(private readonly chat: ChatService) {}

  @Post()
  async post(@Body() body: unknown): Promise<SendReply> {
    const { data, error } = message.safeParse(body)
    if (error !== undefined) throw new BadRequestException({ code: 'BAD_PAYLOAD', message: z.prettifyError(error) })
    try {
      return await this.chat.send(data.room, data.text)
    } catch (failure) {
      throw toHttpException(failure)
    }
  }
}

function toHttpException(error: unknown): unknown {
  if (!(error instanceof NestwireError)) return error
  const { code, message: reason } = error
  if (code === 'ROOM_NOT_FOUND') return new NotFoundException({ code, message: reason })
  return new BadGatewayException({ code, message: reason }, { cause: error })
}
