import {
  BadGatewayException,
  BadRequestException,
  Body,
  Controller,
  Inject,
  NotFoundException,
  Post,
} from '@nestjs/common'
import { NestwireClient, type CodedError } from 'nestwire'
import { catchError, type Observable } from 'rxjs'
import { CHAT } from './bot.tokens.js'

/** `POST /post {"room":"lobby","text":"hi"}`: says it as the bot, answers with its place in the room. */
@Controller('post')
export class PostController {
  constructor(@Inject(CHAT) private readonly chat: NestwireClient) {}

  @Post()
  post(@Body() message: unknown): Observable<unknown> {
    return this.chat.send('chat.send', message ?? {}).pipe(
      catchError((error: CodedError | Error) => {
        throw toHttpException(error)
      }),
    )
  }
}

/** The server has looked at the message already: its codes say whose fault it is. */
function toHttpException(error: CodedError | Error): Error {
  const code = 'code' in error ? error.code : 'UNKNOWN'
  const body = { code, message: error.message }
  if (code === 'BAD_PAYLOAD') return new BadRequestException(body)
  if (code === 'ROOM_NOT_FOUND') return new NotFoundException(body)
  return new BadGatewayException(body)
}
