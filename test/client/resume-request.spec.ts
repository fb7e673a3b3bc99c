import { expect, test } from 'vitest'
import { HEADER_BYTES, MAX_HANDSHAKE_FRAME_BYTES } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { parseRoomId, trustedEpoch, trustedSeq } from '../../src/protocol/ids.js'
import type { RoomPosition } from '../../src/protocol/packets.js'
import { resumeRequest } from '../../src/client/resume-request.js'

const EMPTY_RESUME_BYTES = 6 + 1 + 2 + 2
const IDS = { correlation: 1, redirects: 2 }

const positionIn = (room: string): RoomPosition => {
  const id = parseRoomId(room)
  if (id === undefined) throw new Error(`${room} is no room name`)
  return { room: id, epoch: trustedEpoch(7), seq: trustedSeq(4) }
}

test('names every room that fits the frame to the byte, and no more', () => {
  const names = Array.from({ length: 120 }, (_, index) => `room${100 + index}`.padEnd(20, 'ö'))
  const positions = names.map(positionIn)
  const positionBytes = Buffer.byteLength(names[0] ?? '') + 17
  const exact = MAX_HANDSHAKE_FRAME_BYTES - EMPTY_RESUME_BYTES - 50 * positionBytes
  const fitting = resumeRequest({ ticket: Buffer.alloc(exact), positions: positions.slice(0, 60) }, IDS)
  expect(fitting?.positions).toEqual(positions.slice(0, 50))
  expect(fitting && encodePacket(fitting)).toHaveLength(HEADER_BYTES + MAX_HANDSHAKE_FRAME_BYTES)
  expect(resumeRequest({ ticket: Buffer.alloc(exact + 1), positions }, IDS)?.positions).toHaveLength(49)
})

test('asks for nothing with a ticket that is empty or too large', () => {
  const largest = MAX_HANDSHAKE_FRAME_BYTES - EMPTY_RESUME_BYTES
  expect(resumeRequest({ ticket: Buffer.alloc(0), positions: [] }, IDS)).toBeUndefined()
  expect(resumeRequest({ ticket: Buffer.alloc(largest), positions: [positionIn('a')] }, IDS)?.positions).toEqual([])
  expect(resumeRequest({ ticket: Buffer.alloc(largest + 1), positions: [] }, IDS)).toBeUndefined()
})
