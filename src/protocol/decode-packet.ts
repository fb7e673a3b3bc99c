import { CloseCode } from './close-codes.js'
import { Flag, PREAMBLE_BYTES } from './constants.js'
import type { Frame } from './frame-decoder.js'
import { frameTypeOf, operationName } from './operations.js'
import { type PacketCodec, priorityOf, type Preamble } from './packet-codec.js'
import { packetCodecs } from './packet-codecs.js'
import type { Packet } from './packets.js'
import { ProtocolError } from './protocol-error.js'
import { badField, Reader } from './reader.js'

const codecOfOperation: (PacketCodec<Packet> | undefined)[] = Array.from({ length: 256 }, () => undefined)
for (const codec of Object.values(packetCodecs)) codecOfOperation[codec.operation] = codec

/**
 * The packet in a frame. Its byte fields are views of the frame's payload.
 * Throws a ProtocolError for the first thing that is wrong, in the order of the wire.
 */
export function decodePacket(frame: Frame): Packet {
  const { payload } = frame
  if (payload.length < PREAMBLE_BYTES) {
    throw new ProtocolError(CloseCode.TruncatedPacket, `a payload of ${payload.length} bytes`)
  }
  const reader = new Reader(payload)
  const preamble: Preamble = { operation: reader.u8(), flags: reader.u8(), correlation: reader.u32() }
  const codec = codecFor(preamble, frame)
  const packet = codec.read(reader, preamble)
  reader.end()
  return packet
}

function codecFor({ operation, flags, correlation }: Preamble, { type }: Frame): PacketCodec<Packet> {
  const codec = codecOfOperation[operation]
  if (codec === undefined) {
    throw new ProtocolError(CloseCode.UnknownOperation, `operation ${operationName(operation)}`)
  }
  if (frameTypeOf(operation) !== type) {
    throw new ProtocolError(CloseCode.WrongFrameType, `${operationName(operation)} in a frame of type ${type}`)
  }
  if ((flags & ~codec.flags) !== 0) throw badField(`flags ${flags} on ${operationName(operation)}`)
  if (priorityOf(flags) === undefined) throw badField(`priority ${flags & Flag.PriorityMask}`)
  if ((correlation !== 0) !== codec.isCorrelated) {
    throw badField(`correlation ${correlation} on ${operationName(operation)}`)
  }
  return codec
}
