/** The frame header and the bounds of the wire itself. Sizes are bytes. */
export const MAGIC = 0xdeadbeef
export const FRAME_VERSION = 1
export const HEADER_BYTES = 16
/** `operation:u8 flags:u8 correlation:u32`, first in every payload. */
export const PREAMBLE_BYTES = 6

export const FrameType = { Control: 1, Data: 2 } as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** Largest payload either side may configure (`maxFrameBytes`). */
export const MAX_FRAME_BYTES_CEILING = 1024 * 1024
/** Largest payload before authentication: a HELLO, an AUTH with its token, a RESUME. */
export const MAX_HANDSHAKE_FRAME_BYTES = 4096
/** Room for everything in a DELIVER but one record's body, so that a single record always fits a frame. */
export const DELIVER_RESERVE_BYTES = 1024

export const PROTOCOL_VERSION = 1
export const DEFAULT_PORT = 7420
/** Client message ids in PUBLISH: 128 random bits. */
export const MESSAGE_ID_BYTES = 16

/** Bounds on MessagePack bodies, checked before anything is built from them. */
export const BODY_LIMITS = {
  /** Nested arrays and maps. */
  maxDepth: 32,
  /** Entries of one array or map. */
  maxEntries: 65_536,
  /** Bytes of one string or binary. */
  maxStringBytes: 1024 * 1024,
} as const

/** Bits of `flags`, some of which mean another thing on another packet. Bits not named here are zero. */
export const Flag = { PriorityMask: 0b0011, HasDeadline: 0b0100, HasMetadata: 0b1000, HasAge: 0b0100 } as const

export const Priority = { Normal: 0, High: 1, Low: 2 } as const
export type Priority = (typeof Priority)[keyof typeof Priority]

/** Bits of the feature words in HELLO and WELCOME. */
export const Feature = { Resume: 1, Positions: 2, Cluster: 4 } as const
/** What a server takes part in, if the client does; resume and cluster only where something handles them. */
export const OFFERED_FEATURES: number = Feature.Resume | Feature.Positions | Feature.Cluster
