/** Frames of the hot path, by the codec and by its naive twin. */
import { randomBytes } from 'node:crypto'
import { naiveDecodeFrames, naiveDecodePacket, naiveEncodePacket } from '../../test/support/naive-codec.js'
import { encodeBody } from '../../src/protocol/body.js'
import { MAX_FRAME_BYTES_CEILING, MESSAGE_ID_BYTES, Priority } from '../../src/protocol/constants.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { FrameDecoder } from '../../src/protocol/frame-decoder.js'
import { NO_SEQ, parseRoomId, parseUserId, trustedEpoch, trustedSeq } from '../../src/protocol/ids.js'
import { RecordKind, type Deliver, type Packet, type RoomRecord } from '../../src/protocol/packets.js'
import { smallBody } from './body-cases.js'
import { repeated, type CodecCase, type Work } from './work.js'

const STREAM_BYTES = 256 * 1024
/** What a socket hands over at a time when much is on its way. */
const CHUNK_BYTES = 64 * 1024
const MESSAGE_BYTES = 64
const DELIVERED_RECORDS = 64
const NAIVE_FRAMES = 64

const room = known(parseRoomId('engineering'))
const users = Array.from({ length: 8 }, (_, at) => known(parseUserId(`user-${at}`)))

const packets = {
  publish: {
    kind: 'publish',
    correlation: 70_000,
    priority: Priority.Normal,
    room,
    messageId: randomBytes(MESSAGE_ID_BYTES),
    body: randomBytes(MESSAGE_BYTES),
  },
  request: {
    kind: 'request',
    correlation: 70_000,
    priority: Priority.Normal,
    deadlineMs: undefined,
    metadata: undefined,
    pattern: 'rooms.members',
    body: encodeBody(smallBody),
  },
  deliver: { kind: 'deliver', room, epoch: trustedEpoch(1_790_000_000_000), records: records() },
  ack: { kind: 'ack', correlation: 70_000, seq: trustedSeq(1_234_567), timeMs: 1_790_000_000_000 },
  reply: { kind: 'reply', correlation: 70_000, body: encodeBody(15) },
} satisfies Record<string, Packet>

function decodeCase(packet: Packet): CodecCase {
  const frame = encodePacket(packet)
  const frames = Math.ceil(STREAM_BYTES / frame.length)
  const stream = Buffer.concat(Array.from({ length: frames }, () => frame))
  const chunks: Buffer[] = []
  for (let at = 0; at < stream.length; at += CHUNK_BYTES) chunks.push(stream.subarray(at, at + CHUNK_BYTES))
  return {
    name: `decode-${packet.kind}`,
    figure: 'nsPerFrame',
    contestants: { nestwire: decodeChunks(chunks, frames), naive: decodeNaively(frame) },
  }
}

function decodeChunks(chunks: readonly Buffer[], frames: number): Work {
  const decoder = new FrameDecoder(MAX_FRAME_BYTES_CEILING)
  return {
    units: frames,
    run() {
      let last: unknown
      for (const chunk of chunks) {
        decoder.push(chunk)
        for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) last = decodePacket(frame)
      }
      return last
    },
  }
}

/** Frame by frame: on a long stream the twin would mostly show the square of its length. */
const decodeNaively = (frame: Buffer): Work =>
  repeated(NAIVE_FRAMES, () => {
    const [first] = naiveDecodeFrames(frame, { maxFrameBytes: MAX_FRAME_BYTES_CEILING })
    if (first === undefined || first instanceof Error) throw new Error('the twin cannot read our frame')
    return naiveDecodePacket(first)
  })

const encodeCase = (packet: Packet, units: number): CodecCase => ({
  name: `encode-${packet.kind}`,
  figure: 'nsPerFrame',
  contestants: {
    nestwire: repeated(units, () => encodePacket(packet)),
    naive: repeated(NAIVE_FRAMES, () => naiveEncodePacket(packet)),
  },
})

export const frameCases: readonly CodecCase[] = [
  decodeCase(packets.publish),
  decodeCase(packets.request),
  decodeCase(packets.deliver),
  encodeCase(packets.ack, 1000),
  encodeCase(packets.reply, 1000),
  encodeCase(packets.deliver, 50),
]

function records(): Deliver['records'] {
  let prev = NO_SEQ
  return Array.from({ length: DELIVERED_RECORDS }, (_, at): RoomRecord => {
    const seq = trustedSeq(at + 1)
    const record: RoomRecord = {
      kind: RecordKind.Text,
      seq,
      prev,
      timeMs: 1_790_000_000_000 + at,
      sender: known(users[at % users.length]),
      body: randomBytes(MESSAGE_BYTES),
    }
    prev = seq
    return record
  })
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a name of this file is no name')
  return value
}
