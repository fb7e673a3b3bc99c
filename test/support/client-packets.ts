/** What a client says, in short. */
import { encodeBody } from '../../src/protocol/body.js'
import type { Packet, RoomPosition } from '../../src/protocol/packets.js'
import { roomOf } from './example-packets.js'

export const auth = (token: string, correlation: number): Packet => ({ kind: 'auth', correlation, redirects: 0, token })

export const join = (room: string, correlation: number): Packet => ({ kind: 'join', correlation, room: roomOf(room) })

export const resume = (ticket: Buffer, positions: readonly RoomPosition[], correlation: number): Packet => ({
  kind: 'resume',
  correlation,
  redirects: 0,
  ticket,
  positions,
})

let messageIds = 0

/** As good as random: no other message of this process has it. */
export function nextMessageId(): Buffer {
  const id = Buffer.alloc(16)
  id.writeUInt32BE((messageIds += 1))
  return id
}

export const publish = (room: string, body: string | Buffer, correlation: number): Packet => ({
  kind: 'publish',
  correlation,
  priority: 0,
  room: roomOf(room),
  messageId: nextMessageId(),
  body: Buffer.from(body),
})

export function request(pattern: string, data: unknown, correlation: number, deadlineMs?: number): Packet {
  const body = encodeBody(data)
  return { kind: 'request', correlation, priority: 0, deadlineMs, metadata: undefined, pattern, body }
}
