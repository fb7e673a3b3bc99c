import { encodePacket } from '../protocol/encode-packet.js'
import { RoomRole } from '../protocol/packets.js'
import type { CompactRoute } from '../transport/compact-route.js'
import type { JoinReply } from './rooms.contract.js'

/** JOIN is `rooms.join`; JOINED its reply. */
export const joinCompactRoute: CompactRoute<'join'> = {
  packet: 'join',
  pattern: 'rooms.join',
  toPayload: ({ room }) => ({ room }),
  toReply: (result, correlation) => {
    if (!isJoinReply(result)) throw new TypeError('the handler of rooms.join did not answer with a position')
    const { room, epoch, seq, members } = result
    const role = result.role === 'owner' ? RoomRole.Owner : RoomRole.Member
    return encodePacket({ kind: 'joined', correlation, room, epoch, seq, role, members })
  },
}

function isJoinReply(result: unknown): result is JoinReply {
  if (typeof result !== 'object' || result === null) return false
  const { room, epoch, seq, role, members } = result as Partial<Record<keyof JoinReply, unknown>>
  return (
    typeof room === 'string' &&
    typeof epoch === 'number' &&
    typeof seq === 'number' &&
    (role === 'owner' || role === 'member') &&
    typeof members === 'number'
  )
}
