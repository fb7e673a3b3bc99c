import { Flag, Priority } from './constants.js'
import type { Operation } from './operations.js'
import type { Packet, PacketKind } from './packets.js'
import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

/** The fields in front of every payload: `operation:u8 flags:u8 correlation:u32`. */
export interface Preamble {
  readonly operation: number
  readonly flags: number
  readonly correlation: number
}

/** How one packet is written and read after its preamble; the grammar is at its type in `packets.ts`. */
export interface PacketCodec<P extends Packet> {
  readonly operation: Operation
  /** Whether the correlation is a number other than 0, or 0. */
  readonly isCorrelated: boolean
  /** The bits that its flags may have. */
  readonly flags: number
  write(writer: Writer, packet: P): void
  read(reader: Reader, preamble: Preamble): P
}

export type PacketCodecs = { readonly [Kind in PacketKind]: PacketCodec<Extract<Packet, { readonly kind: Kind }>> }

const priorities: readonly (Priority | undefined)[] = [Priority.Normal, Priority.High, Priority.Low]

/** `undefined` for the one value of the two bits that is no priority. */
export const priorityOf = (flags: number): Priority | undefined => priorities[flags & Flag.PriorityMask]
