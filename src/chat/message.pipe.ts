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
    const { room, text, body, messageId, ageMs } = this.parse.transform(value)
    const content = body === undefined ? Buffer.from(text ?? '') : viewOf(body)
    if (messageId === undefined) return new Message(room, content)
    return new Message(room, content, { messageId: viewOf(messageId), ...(ageMs === undefined ? {} : { ageMs }) })
  }
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
