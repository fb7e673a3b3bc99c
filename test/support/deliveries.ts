import { closeCodeName } from '../../src/protocol/close-codes.js'
import { decodePacket } from '../../src/protocol/decode-packet.js'
import { FrameDecoder, type Frame } from '../../src/protocol/frame-decoder.js'
import type { Packet } from '../../src/protocol/packets.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'

/** The ways in which TCP may cut a stream; every codec case runs under each. */
export const deliveries: Readonly<Record<string, (wire: Buffer) => readonly Buffer[]>> = {
  'in one chunk': (wire) => [wire],
  'byte by byte': (wire) => Array.from(wire, (byte) => Buffer.of(byte)),
  'split inside the header': (wire) => [wire.subarray(0, 3), wire.subarray(3)],
}

export interface Reception {
  /** The decoder's limit; 65,536 unless told. */
  readonly maxFrameBytes?: number
  /** FIN after the last chunk. */
  readonly eof?: boolean
}

/** What came out of a stream, and the name of the close code that ended it, if one did. */
export interface Received<Item> {
  readonly items: readonly Item[]
  readonly fault: string | undefined
}

export const receiveFrames = (chunks: readonly Buffer[], reception: Reception = {}): Received<Frame> =>
  receive(chunks, reception, (frame) => frame)

export const receivePackets = (chunks: readonly Buffer[], reception: Reception = {}): Received<Packet> =>
  receive(chunks, reception, decodePacket)

function receive<Item>(chunks: readonly Buffer[], reception: Reception, read: (frame: Frame) => Item): Received<Item> {
  const decoder = new FrameDecoder(reception.maxFrameBytes ?? 65_536)
  const items: Item[] = []
  try {
    for (const chunk of chunks) {
      decoder.push(chunk)
      for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) items.push(read(frame))
    }
    if (reception.eof === true) decoder.end()
    return { items, fault: undefined }
  } catch (error) {
    return { items, fault: closeNameOf(error) }
  }
}

/** Rethrows anything but a ProtocolError. */
export function closeNameOf(error: unknown): string {
  if (!(error instanceof ProtocolError)) throw error
  return closeCodeName(error.closeCode)
}
