import type { Packet } from '../protocol/packets.js'

/**
 * A packet that is shorthand for a request: it runs the decorated handler of `pattern` with guards, pipes and filters,
 * and the handler's result goes back as a packet instead of a MessagePack REPLY. Errors go back as ERROR.
 */
export interface CompactRoute<Kind extends 'auth' | 'resume' | 'join' | 'publish'> {
  readonly packet: Kind
  readonly pattern: string
  /** The handler's payload. Byte fields stay views into the frame. */
  toPayload(packet: Extract<Packet, { kind: Kind }>): unknown
  /** The frame that answers; throws if `result` is not what the handler of `pattern` returns. */
  toReply(result: unknown, correlation: number): Buffer
}
export type AnyCompactRoute =
  CompactRoute<'auth'> | CompactRoute<'resume'> | CompactRoute<'join'> | CompactRoute<'publish'>
