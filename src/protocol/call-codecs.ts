/** REQUEST to CANCEL: calls of Nest's patterns, streamed replies and events. */
import { Flag, Priority } from './constants.js'
import { readMetadata, writeMetadata } from './metadata-block.js'
import { Operation } from './operations.js'
import { priorityOf, type PacketCodecs } from './packet-codec.js'
import type { Metadata } from './packets.js'
import { badField, type Reader } from './reader.js'
import type { Writer } from './writer.js'

/** Longest pattern of a REQUEST or EVENT; the shortest has one byte. */
const MAX_PATTERN_BYTES = 1024

export const callCodecs = {
  request: {
    operation: Operation.Request,
    isCorrelated: true,
    flags: Flag.PriorityMask | Flag.HasDeadline | Flag.HasMetadata,
    write(writer, packet) {
      if (packet.deadlineMs !== undefined) writer.u32(packet.deadlineMs)
      if (packet.metadata !== undefined) writeMetadata(writer, packet.metadata)
      writePattern(writer, packet.pattern)
      writer.rest(packet.body)
    },
    read: (reader, { flags, correlation }) => ({
      kind: 'request',
      correlation,
      priority: priorityOf(flags) ?? Priority.Normal,
      deadlineMs: (flags & Flag.HasDeadline) === 0 ? undefined : reader.u32(),
      metadata: readOptionalMetadata(reader, flags),
      pattern: readPattern(reader),
      body: reader.rest(),
    }),
  },
  event: {
    operation: Operation.Event,
    isCorrelated: false,
    flags: Flag.PriorityMask | Flag.HasMetadata,
    write(writer, packet) {
      if (packet.metadata !== undefined) writeMetadata(writer, packet.metadata)
      writePattern(writer, packet.pattern)
      writer.rest(packet.body)
    },
    read: (reader, { flags }) => ({
      kind: 'event',
      priority: priorityOf(flags) ?? Priority.Normal,
      metadata: readOptionalMetadata(reader, flags),
      pattern: readPattern(reader),
      body: reader.rest(),
    }),
  },
  reply: {
    operation: Operation.Reply,
    isCorrelated: true,
    flags: 0,
    write: (writer, packet) => writer.rest(packet.body),
    read: (reader, { correlation }) => ({ kind: 'reply', correlation, body: reader.rest() }),
  },
  next: {
    operation: Operation.Next,
    isCorrelated: true,
    flags: 0,
    write: (writer, packet) => writer.rest(packet.body),
    read: (reader, { correlation }) => ({ kind: 'next', correlation, body: reader.rest() }),
  },
  end: {
    operation: Operation.End,
    isCorrelated: true,
    flags: 0,
    write() {},
    read: (_reader, { correlation }) => ({ kind: 'end', correlation }),
  },
  error: {
    operation: Operation.Error,
    isCorrelated: true,
    flags: 0,
    write(writer, packet) {
      writer.u16(packet.code)
      writer.u32(packet.retryAfterMs)
      writer.str16(packet.message)
      writer.rest(packet.body)
    },
    read: (reader, { correlation }) => ({
      kind: 'error',
      correlation,
      code: reader.u16(),
      retryAfterMs: reader.u32(),
      message: reader.str16(),
      body: reader.rest(),
    }),
  },
  cancel: {
    operation: Operation.Cancel,
    isCorrelated: true,
    flags: 0,
    write() {},
    read: (_reader, { correlation }) => ({ kind: 'cancel', correlation }),
  },
} satisfies Partial<PacketCodecs>

const readOptionalMetadata = (reader: Reader, flags: number): Metadata | undefined =>
  (flags & Flag.HasMetadata) === 0 ? undefined : readMetadata(reader)

function writePattern(writer: Writer, pattern: string): void {
  const start = writer.length
  writer.str16(pattern)
  const bytes = writer.length - start - 2
  if (bytes === 0 || bytes > MAX_PATTERN_BYTES) throw new RangeError(`a pattern of ${bytes} bytes`)
}

function readPattern(reader: Reader): string {
  const bytes = reader.u16()
  const pattern = reader.text(bytes)
  if (bytes === 0 || bytes > MAX_PATTERN_BYTES) throw badField(`a pattern of ${bytes} bytes`)
  return pattern
}
