import { describe, expect, test } from 'vitest'
import { publishCompactRoute } from '../../src/chat/chat-compact-route.js'
import { Message } from '../../src/chat/message.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { Priority } from '../../src/protocol/constants.js'
import { RoomRole } from '../../src/protocol/packets.js'
import { joinCompactRoute } from '../../src/rooms/rooms-compact-route.js'
import { roomId } from '../delivery/names.js'

const lobby = roomId('lobby')

function packetIn(bytes: Buffer) {
  const decoder = new FrameDecoder(4096)
  decoder.push(bytes)
  const frame = decoder.next()
  if (frame === undefined) throw new Error('no whole frame')
  return decodePacket(frame)
}

describe('PUBLISH', () => {
  test('is chat.send with the body as it came', () => {
    const body = Buffer.from('hi')
    const packet = { kind: 'publish', correlation: 7, priority: Priority.Normal, room: lobby, messageId: body } as const
    const payload = publishCompactRoute.toPayload({ ...packet, body })
    expect(payload).toMatchObject({ room: lobby })
    expect(payload instanceof Message && payload.body === body).toBe(true)
  })

  test('carries its id, and its age if it is a repeat', () => {
    const messageId = Buffer.alloc(16, 7)
    const packet = { kind: 'publish', correlation: 7, priority: Priority.Normal, room: lobby, messageId } as const
    const body = Buffer.from('hi')
    expect(publishCompactRoute.toPayload({ ...packet, body })).toMatchObject({ id: { messageId } })
    expect(publishCompactRoute.toPayload({ ...packet, body, ageMs: 3 })).toMatchObject({ id: { messageId, ageMs: 3 } })
  })

  test('is answered by ACK', () => {
    const frame = publishCompactRoute.toReply({ seq: 5, timeMs: 1_700_000_000_000 }, 7)
    expect(packetIn(frame)).toEqual({ kind: 'ack', correlation: 7, seq: 5, timeMs: 1_700_000_000_000 })
  })

  test.each([undefined, null, {}, { seq: '5', timeMs: 1 }])('does not make an ACK of %j', (result) => {
    expect(() => publishCompactRoute.toReply(result, 7)).toThrow(TypeError)
  })
})

describe('JOIN', () => {
  const reply = { room: lobby, epoch: 2 ** 48 - 1, seq: 9, role: 'owner', members: 3 }

  test('is rooms.join', () => {
    expect(joinCompactRoute.toPayload({ kind: 'join', correlation: 7, room: lobby })).toEqual({ room: lobby })
  })

  test.each([
    ['owner', RoomRole.Owner],
    ['member', RoomRole.Member],
  ])('is answered by JOINED as %s', (name, role) => {
    const packet = packetIn(joinCompactRoute.toReply({ ...reply, role: name }, 7))
    expect(packet).toEqual({ ...reply, kind: 'joined', correlation: 7, role })
  })

  test.each([undefined, null, {}, { ...reply, role: 'king' }])('does not make a JOINED of %j', (result) => {
    expect(() => joinCompactRoute.toReply(result, 7)).toThrow(TypeError)
  })
})
