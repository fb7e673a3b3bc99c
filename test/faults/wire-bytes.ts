/** Frames that an encoder would refuse to write. */
import { FRAME_VERSION, HEADER_BYTES, MAGIC } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'

export interface FrameHeader {
  readonly magic?: number
  readonly version?: number
  /** 1 control, 2 data. */
  readonly type: number
  /** Bytes of payload that the header speaks of. */
  readonly length: number
}

export function header({ magic = MAGIC, version = FRAME_VERSION, type, length }: FrameHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeUInt32BE(version, 4)
  bytes.writeUInt32BE(type, 8)
  bytes.writeUInt32BE(length, 12)
  return bytes
}

export const frame = (type: number, payload: Buffer): Buffer =>
  Buffer.concat([header({ type, length: payload.length }), payload])

export const payloadOf = (packet: Packet): Buffer => encodePacket(packet).subarray(HEADER_BYTES)

export const typeOf = (packet: Packet): number => encodePacket(packet).readUInt32BE(8)
