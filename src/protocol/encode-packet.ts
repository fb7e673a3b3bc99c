import { Flag, FRAME_VERSION, HEADER_BYTES, MAGIC, MAX_FRAME_BYTES_CEILING } from './constants.js'
import { frameTypeOf } from './operations.js'
import type { PacketCodec } from './packet-codec.js'
import { packetCodecs } from './packet-codecs.js'
import type { Packet } from './packets.js'
import { Writer } from './writer.js'

const LENGTH_AT = 12

/** Shared by all calls: encoding is synchronous and runs no code of others. */
const scratch = new Writer(4096, HEADER_BYTES + MAX_FRAME_BYTES_CEILING)

/**
 * One whole frame in memory of its own. Throws a RangeError if the packet has no encoding: a string or number too
 * large for its field, a batch whose records do not follow each other, a payload above 1 MiB.
 */
export function encodePacket(packet: Packet): Buffer {
  const codec: PacketCodec<Packet> = packetCodecs[packet.kind]
  scratch.reset()
  scratch.u32(MAGIC)
  scratch.u32(FRAME_VERSION)
  scratch.u32(frameTypeOf(codec.operation))
  scratch.u32(0)
  scratch.u8(codec.operation)
  scratch.u8(flagsOf(packet))
  scratch.u32(correlationOf(packet))
  codec.write(scratch, packet)
  scratch.overwriteU32(scratch.length - HEADER_BYTES, LENGTH_AT)
  return scratch.toBuffer()
}

function flagsOf(packet: Packet): number {
  if (packet.kind === 'publish') return packet.priority | (packet.ageMs === undefined ? 0 : Flag.HasAge)
  if (packet.kind !== 'request' && packet.kind !== 'event') return 0
  const deadline = packet.kind === 'request' && packet.deadlineMs !== undefined ? Flag.HasDeadline : 0
  return packet.priority | deadline | (packet.metadata === undefined ? 0 : Flag.HasMetadata)
}

function correlationOf(packet: Packet): number {
  if (!('correlation' in packet)) return 0
  if (packet.correlation === 0) throw new RangeError(`a ${packet.kind} without correlation`)
  return packet.correlation
}
