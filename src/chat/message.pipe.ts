import { Injectable, type PipeTransform } from '@nestjs/common'
import { PayloadPipe } from '../transport/payload.pipe.js'
import { chatPayloads } from './chat.contract.js'
import { Message } from './message.js'

/**
 * Payload of `chat.send`, either way it came. What a PUBLISH packet carried was checked when the packet was decoded, and
 * nothing from the wire can be a `Message`, so it is not parsed again.
 */
@Injectable()
export class MessagePipe implements PipeTransform<unknown, Message> {
  private readonly parse = new PayloadPipe(chatPayloads['chat.send'])

  transform(value: unknown): Message {
    if (value instanceof Message) return value
    const { room, text, body } = this.parse.transform(value)
    if (body === undefined) return new Message(room, Buffer.from(text ?? ''))
    return new Message(room, Buffer.from(body.buffer, body.byteOffset, body.length))
  }
}
