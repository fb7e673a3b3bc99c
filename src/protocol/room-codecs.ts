/** JOIN to GAP but DELIVER: the compact packets of rooms and chat. */
import { Flag, MESSAGE_ID_BYTES, Priority } from './constants.js'
import { Operation } from './operations.js'
import { priorityOf, type PacketCodecs } from './packet-codec.js'
import { GapReason, RoomRole } from './packets.js'

const roomRoles = Object.values(RoomRole)
const gapReasons = Object.values(GapReason)

export const roomCodecs = {
  join: {
    operation: Operation.Join,
    isCorrelated: true,
    flags: 0,
    write: (writer, packet) => writer.str8(packet.room),
    read: (reader, { correlation }) => ({ kind: 'join', correlation, room: reader.room() }),
  },
  joined: {
    operation: Operation.Joined,
    isCorrelated: true,
    flags: 0,
    write(writer, packet) {
      writer.str8(packet.room)
      writer.u64(packet.epoch)
      writer.u64(packet.seq)
      writer.u8(packet.role)
      writer.u32(packet.members)
    },
    read: (reader, { correlation }) => ({
      kind: 'joined',
      correlation,
      room: reader.room(),
      epoch: reader.epoch(),
      seq: reader.seq(),
      role: reader.oneOf(roomRoles),
      members: reader.u32(),
    }),
  },
  publish: {
    operation: Operation.Publish,
    isCorrelated: true,
    flags: Flag.PriorityMask | Flag.HasAge,
    write(writer, packet) {
      if (packet.ageMs !== undefined) writer.u32(packet.ageMs)
      writer.str8(packet.room)
      if (packet.messageId.length !== MESSAGE_ID_BYTES) {
        throw new RangeError(`a message id of ${packet.messageId.length} bytes`)
      }
      writer.fixed(packet.messageId)
      writer.rest(packet.body)
    },
    read: (reader, { flags, correlation }) => ({
      kind: 'publish',
      correlation,
      priority: priorityOf(flags) ?? Priority.Normal,
      ageMs: (flags & Flag.HasAge) === 0 ? undefined : reader.u32(),
      room: reader.room(),
      messageId: reader.fixed(MESSAGE_ID_BYTES),
      body: reader.rest(),
    }),
  },
  ack: {
    operation: Operation.Ack,
    isCorrelated: true,
    flags: 0,
    write(writer, packet) {
      writer.u64(packet.seq)
      writer.u64(packet.timeMs)
    },
    read: (reader, { correlation }) => ({ kind: 'ack', correlation, seq: reader.seq(), timeMs: reader.u64() }),
  },
  gap: {
    operation: Operation.Gap,
    isCorrelated: false,
    flags: 0,
    write(writer, packet) {
      writer.str8(packet.room)
      writer.u64(packet.epoch)
      writer.u64(packet.from)
      writer.u64(packet.to)
      writer.u8(packet.reason)
    },
    read: (reader) => ({
      kind: 'gap',
      room: reader.room(),
      epoch: reader.epoch(),
      from: reader.seq(),
      to: reader.seq(),
      reason: reader.oneOf(gapReasons),
    }),
  },
} satisfies Partial<PacketCodecs>
