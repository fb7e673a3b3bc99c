/**
 * What nodes tell each other of presence, in bytes, big-endian. Pure. An unknown kind is of a later version, and ignored.
 *
 *   news  kind:u8 = 1  number:u32 isWhole:u8 length:u16 (room:str8 online:u32)*   counts that changed, perhaps none
 *   ask   kind:u8 = 2  node:str8                that node, or all if it is empty, is to tell everything
 *   end   kind:u8 = 3                           the sender has nobody connected any more
 */
import { parseNodeId, type NodeId } from '../cluster/node-id.js'
import type { RoomId } from '../protocol/ids.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { Reader } from '../protocol/reader.js'
import { Writer } from '../protocol/writer.js'

const Kind = { News: 1, Ask: 2, End: 3 } as const

/** Of these fewer than fit NATS's default of 1 MiB. */
export const MAX_NEWS_COUNTS = 4_096
const MAX_BYTES = 1024 * 1024
const FIRST_BYTES = 256

/** Members of a room that are connected to the sender; 0 for one of which it had told more. */
type Count = readonly [room: RoomId, online: number]

export interface News {
  readonly kind: 'news'
  /** Consecutive, so that what is missing shows. */
  readonly number: number
  /** What is not in it, or in news that follow, is 0. */
  readonly isWhole: boolean
  readonly counts: readonly Count[]
}

export type PresenceMessage =
  News | { readonly kind: 'ask'; readonly node: NodeId | undefined } | { readonly kind: 'end' }

export function encodePresence(message: PresenceMessage): Buffer {
  const writer = new Writer(FIRST_BYTES, MAX_BYTES)
  switch (message.kind) {
    case 'news':
      writer.u8(Kind.News)
      writer.u32(message.number)
      writer.u8(message.isWhole ? 1 : 0)
      writer.u16(message.counts.length)
      for (const [room, online] of message.counts) {
        writer.str8(room)
        writer.u32(online)
      }
      break
    case 'ask':
      writer.u8(Kind.Ask)
      writer.str8(message.node ?? '')
      break
    case 'end':
      writer.u8(Kind.End)
  }
  return writer.toBuffer()
}

/** `undefined` for what no node of this version says. */
export function decodePresence(bytes: Buffer): PresenceMessage | undefined {
  try {
    const reader = new Reader(bytes)
    switch (reader.u8()) {
      case Kind.News:
        return decodeNews(reader)
      case Kind.Ask:
        return { kind: 'ask', node: parseNodeId(reader.str8()) }
      case Kind.End:
        return { kind: 'end' }
      default:
        return undefined
    }
  } catch (error) {
    if (error instanceof ProtocolError) return undefined
    throw error
  }
}

function decodeNews(reader: Reader): News {
  const number = reader.u32()
  const isWhole = reader.u8() === 1
  const counts = Array.from({ length: reader.u16() }, (): Count => [reader.room(), reader.u32()])
  reader.end()
  return { kind: 'news', number, isWhole, counts }
}
