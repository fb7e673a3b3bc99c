import { SendService } from '../../src/chat/send.service.js'
import { HistoryService } from '../../src/chat/history.service.js'
import { Message } from '../../src/chat/message.js'
import { AbuseCounters } from '../../src/abuse/abuse-counters.js'
import { PublishRate } from '../../src/chat/publish-rate.js'
import type { RoomId } from '../../src/protocol/ids.js'
import type { CallInfo } from '../../src/transport/nestwire.context.js'
import { startRooms, type Device } from '../rooms/room-stack.js'

/** The rooms with chat on top. */
export function startChatServices(env: Record<string, string> = {}) {
  const stack = startRooms(env)
  const { registry, policy, delivery, settings, log, clock } = stack
  const abuse = new AbuseCounters()
  const rate = new PublishRate(abuse, settings, clock)
  const chat = new SendService(registry, policy, delivery, settings, rate, log)
  const past = new HistoryService(registry, policy, log, settings)
  const says = (
    device: Device,
    room: RoomId,
    { body, priority = 'normal' }: { readonly body: string | Buffer; readonly priority?: CallInfo['priority'] },
  ) => chat.send(device, new Message(room, Buffer.from(body)), priority)
  return { ...stack, abuse, chat, past, says }
}
