/** PING to POSITION: how a connection is kept and ended. */
import { readLimits, writeLimits } from './limits-block.js'
import { Operation } from './operations.js'
import type { PacketCodecs } from './packet-codec.js'
import type { Position } from './packets.js'
import type { Reader } from './reader.js'

export const controlCodecs = {
  ping: {
    operation: Operation.Ping,
    isCorrelated: true,
    flags: 0,
    write() {},
    read: (_reader, { correlation }) => ({ kind: 'ping', correlation }),
  },
  pong: {
    operation: Operation.Pong,
    isCorrelated: true,
    flags: 0,
    write() {},
    read: (_reader, { correlation }) => ({ kind: 'pong', correlation }),
  },
  limits: {
    operation: Operation.Limits,
    isCorrelated: false,
    flags: 0,
    write: (writer, packet) => writeLimits(writer, packet.limits),
    read: (reader) => ({ kind: 'limits', limits: readLimits(reader) }),
  },
  goAway: {
    operation: Operation.GoAway,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.u16(packet.code)
      writer.u32(packet.slotMs)
      writer.u32(packet.deadlineMs)
      writer.str16(packet.target)
    },
    read: (reader) => ({
      kind: 'goAway',
      code: reader.u16(),
      slotMs: reader.u32(),
      deadlineMs: reader.u32(),
      target: reader.str16(),
    }),
  },
  close: {
    operation: Operation.Close,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.u16(packet.code)
      writer.u32(packet.retryAfterMs)
      writer.str16(packet.target)
      writer.str16(packet.message)
    },
    read: (reader) => ({
      kind: 'close',
      code: reader.u16(),
      retryAfterMs: reader.u32(),
      target: reader.str16(),
      message: reader.str16(),
    }),
  },
  position: {
    operation: Operation.Position,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.u64(packet.receivedBytes)
      writer.u16(packet.positions.length)
      for (const { room, seq } of packet.positions) {
        writer.str8(room)
        writer.u64(seq)
      }
    },
    read: (reader) => ({ kind: 'position', receivedBytes: reader.u64(), positions: readPositions(reader) }),
  },
} satisfies Partial<PacketCodecs>

function readPositions(reader: Reader): Position['positions'] {
  const positions: Position['positions'][number][] = []
  for (let left = reader.u16(); left > 0; left -= 1) positions.push({ room: reader.room(), seq: reader.seq() })
  return positions
}
