import { encodePacket } from '../protocol/encode-packet.js'
import type { CompactRoute } from '../transport/compact-route.js'
import type { SendReply } from './chat.contract.js'
import { Message } from './message.js'

/** PUBLISH is `chat.send`; ACK its reply. */
export const publishCompactRoute: CompactRoute<'publish'> = {
  packet: 'publish',
  pattern: 'chat.send',
  toPayload: ({ room, body, messageId, ageMs }) =>
    new Message(room, body, ageMs === undefined ? { messageId } : { messageId, ageMs }),
  toReply: (result, correlation) => {
    if (!isSendReply(result)) throw new TypeError('the handler of chat.send did not answer with a position')
    return encodePacket({ kind: 'ack', correlation, seq: result.seq, timeMs: result.timeMs })
  },
}

function isSendReply(result: unknown): result is SendReply {
  if (typeof result !== 'object' || result === null) return false
  const { seq, timeMs } = result as Partial<Record<keyof SendReply, unknown>>
  return typeof seq === 'number' && typeof timeMs === 'number'
}
