/**
 * Every packet of protocol v1 as a type; the grammar above each is the wire layout after the preamble
 * `operation:u8 flags:u8 correlation:u32`. Byte fields of decoded packets are views into the frame: valid while it
 * is held, copy to keep. `docs/PROTOCOL.md` is the same in prose, for other languages.
 */
import type { Priority } from './constants.js'
import type { Epoch, RoomId, Seq, SessionId, UserId } from './ids.js'

/** The server's limits as told to clients; `undefined` = not told. Unknown ids are skipped. */
export interface WireLimits {
  readonly maxFrameBytes?: number
  readonly maxInFlightRequests?: number
  readonly maxRoomsPerConnection?: number
  readonly pingIntervalMs?: number
  readonly idleTimeoutMs?: number
  readonly maxMessageBytes?: number
}

export type Metadata = Readonly<Record<string, string>>

/** `HELLO => minVersion:u32 maxVersion:u32 features:u32 agent:str8` */
export interface Hello {
  readonly kind: 'hello'
  readonly minVersion: number
  readonly maxVersion: number
  readonly features: number
  /** Free text for the server's logs: product and version. */
  readonly agent: string
}

/** `WELCOME => version:u32 features:u32 authentication:u8 connection:str8 limits`; `authentication` 0 none, 1 token */
export interface Welcome {
  readonly kind: 'welcome'
  readonly version: number
  readonly features: number
  readonly authentication: 'none' | 'token'
  readonly connection: string
  readonly limits: WireLimits
}

/** `AUTH => redirects:u8 token:str16`; in the active state it refreshes the session */
export interface Auth {
  readonly kind: 'auth'
  readonly correlation: number
  readonly redirects: number
  readonly token: string
}

export const WireRole = { User: 0, Service: 1, Admin: 2 } as const
export type WireRole = (typeof WireRole)[keyof typeof WireRole]

/** `AUTH_OK => user:str8 session:str8 role:u8 expiresAt:u64 dedupWindowMs:u32 ticket:bytes16` */
export interface AuthOk {
  readonly kind: 'authOk'
  readonly correlation: number
  readonly user: UserId
  readonly session: SessionId
  readonly role: WireRole
  /** Unix milliseconds; 0 = never. */
  readonly expiresAtMs: number
  /** How long a repeated message id is recognised; 0 = not at all. */
  readonly dedupWindowMs: number
  /** Opaque; empty while the resume feature is off. */
  readonly ticket: Buffer
}

/** `PING =>` (both ways); the answer is PONG with the same correlation */
export interface Ping {
  readonly kind: 'ping'
  readonly correlation: number
}
/** `PONG =>` */
export interface Pong {
  readonly kind: 'pong'
  readonly correlation: number
}

/** `LIMITS => limits`; `limits => count:u8 (id:u8 value:u32)*` */
export interface Limits {
  readonly kind: 'limits'
  readonly limits: WireLimits
}

/** `GOAWAY => code:u16 slotMs:u32 deadlineMs:u32 target:str16` */
export interface GoAway {
  readonly kind: 'goAway'
  /** The close code that will follow. */
  readonly code: number
  /** Reconnect after this long. */
  readonly slotMs: number
  /** The connection is closed after this long. */
  readonly deadlineMs: number
  /** `host:port`, or empty for the same address. */
  readonly target: string
}

/** `CLOSE => code:u16 retryAfterMs:u32 target:str16 message:str16`, then FIN */
export interface Close {
  readonly kind: 'close'
  readonly code: number
  readonly retryAfterMs: number
  readonly target: string
  readonly message: string
}

export interface RoomPosition {
  readonly room: RoomId
  readonly epoch: Epoch
  readonly seq: Seq
}

/** `RESUME => redirects:u8 ticket:bytes16 count:u16 (room:str8 epoch:u64 seq:u64)*`; needs feature bit 0 */
export interface Resume {
  readonly kind: 'resume'
  readonly correlation: number
  readonly redirects: number
  readonly ticket: Buffer
  readonly positions: readonly RoomPosition[]
}

export const ResumeOutcome = { Whole: 0, Gap: 1, NotAMember: 2 } as const
export type ResumeOutcome = (typeof ResumeOutcome)[keyof typeof ResumeOutcome]
export interface ResumedRoom {
  readonly room: RoomId
  readonly epoch: Epoch
  readonly from: Seq
  readonly to: Seq
  readonly outcome: ResumeOutcome
}

/** `RESUMED => <body of AUTH_OK> count:u16 (room:str8 epoch:u64 from:u64 to:u64 outcome:u8)*` */
export interface Resumed extends Omit<AuthOk, 'kind'> {
  readonly kind: 'resumed'
  readonly rooms: readonly ResumedRoom[]
}

/** `TICKET => expiresAt:u64 ticket:bytes16` */
export interface Ticket {
  readonly kind: 'ticket'
  readonly expiresAtMs: number
  readonly ticket: Buffer
}

/** `POSITION => receivedBytes:u64 count:u16 (room:str8 seq:u64)*` */
export interface Position {
  readonly kind: 'position'
  /** All bytes this client has read from the connection so far. */
  readonly receivedBytes: number
  readonly positions: readonly { readonly room: RoomId; readonly seq: Seq }[]
}

/** `REQUEST => [deadlineMs:u32] [metadata] pattern:str16 body:rest`; body is MessagePack, empty = no value */
export interface Request {
  readonly kind: 'request'
  readonly correlation: number
  readonly priority: Priority
  /** Milliseconds the caller will wait; `undefined` = for ever. */
  readonly deadlineMs: number | undefined
  readonly metadata: Metadata | undefined
  readonly pattern: string
  readonly body: Buffer
}

/** `EVENT => [metadata] pattern:str16 body:rest`; `metadata => count:u8 (key:str8 value:str16)*`; both ways, no answer */
export interface Event {
  readonly kind: 'event'
  readonly priority: Priority
  readonly metadata: Metadata | undefined
  readonly pattern: string
  readonly body: Buffer
}

/** `REPLY => body:rest`: the only value, and the end */
export interface Reply {
  readonly kind: 'reply'
  readonly correlation: number
  readonly body: Buffer
}
/** `NEXT => body:rest`: one value of a stream */
export interface Next {
  readonly kind: 'next'
  readonly correlation: number
  readonly body: Buffer
}
/** `END =>`: the stream is complete */
export interface End {
  readonly kind: 'end'
  readonly correlation: number
}
/** `ERROR => code:u16 retryAfterMs:u32 message:str16 body:rest`; body is the handler's error for code 1, details else */
export interface ErrorPacket {
  readonly kind: 'error'
  readonly correlation: number
  readonly code: number
  readonly retryAfterMs: number
  readonly message: string
  readonly body: Buffer
}
/** `CANCEL =>`: nobody waits for this correlation any more; no answer */
export interface Cancel {
  readonly kind: 'cancel'
  readonly correlation: number
}

/** `JOIN => room:str8` = `rooms.join` */
export interface Join {
  readonly kind: 'join'
  readonly correlation: number
  readonly room: RoomId
}

export const RoomRole = { Member: 0, Owner: 1 } as const
export type RoomRole = (typeof RoomRole)[keyof typeof RoomRole]

/** `JOINED => room:str8 epoch:u64 seq:u64 role:u8 members:u32`; deliveries start after `seq` */
export interface Joined {
  readonly kind: 'joined'
  readonly correlation: number
  readonly room: RoomId
  readonly epoch: Epoch
  readonly seq: Seq
  readonly role: RoomRole
  readonly members: number
}

/** `PUBLISH => [ageMs:u32] room:str8 messageId:16 body:rest` = `chat.send` */
export interface Publish {
  readonly kind: 'publish'
  readonly correlation: number
  readonly priority: Priority
  /** Sent before, first so long ago; `undefined` = this is the first try. */
  readonly ageMs?: number | undefined
  readonly room: RoomId
  readonly messageId: Buffer
  readonly body: Buffer
}

/** `ACK => seq:u64 time:u64`: the message is in the log */
export interface Ack {
  readonly kind: 'ack'
  readonly correlation: number
  readonly seq: Seq
  readonly timeMs: number
}

export const RecordKind = { Text: 1, Join: 2, Leave: 3 } as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]
export const LeaveReason = { Left: 0, Kicked: 1, Banned: 2 } as const
export type LeaveReason = (typeof LeaveReason)[keyof typeof LeaveReason]

/** `record => kind:u8 seqDelta:varint timeDelta:zigzag sender:varint body:bytesV` */
export interface RoomRecord {
  readonly kind: RecordKind
  readonly seq: Seq
  /** Seq of the record before this one in the room; 0 for the first. */
  readonly prev: Seq
  readonly timeMs: number
  /** Author of a text; who joined or left. */
  readonly sender: UserId
  /** Text: the message; join: username in UTF-8; leave: one byte, a `LeaveReason`. */
  readonly body: Buffer
}

/**
 * `DELIVER => room:str8 epoch:u64 prev:u64 time:u64 senders:varint (sender:str8)* records:varint record*`
 * Consecutive records of one room: each `seq` is `seqDelta` after the one before it, the first after `prev`.
 */
export interface Deliver {
  readonly kind: 'deliver'
  readonly room: RoomId
  readonly epoch: Epoch
  readonly records: readonly RoomRecord[]
}

export const GapReason = { Trimmed: 0, EpochChanged: 1, AheadOfLog: 2 } as const
export type GapReason = (typeof GapReason)[keyof typeof GapReason]

/** `GAP => room:str8 epoch:u64 from:u64 to:u64 reason:u8`: the records after `from` up to `to` cannot be had */
export interface Gap {
  readonly kind: 'gap'
  readonly room: RoomId
  readonly epoch: Epoch
  readonly from: Seq
  readonly to: Seq
  readonly reason: GapReason
}

export type Packet =
  | Hello
  | Welcome
  | Auth
  | AuthOk
  | Ping
  | Pong
  | Limits
  | GoAway
  | Close
  | Resume
  | Resumed
  | Ticket
  | Position
  | Request
  | Event
  | Reply
  | Next
  | End
  | ErrorPacket
  | Cancel
  | Join
  | Joined
  | Publish
  | Ack
  | Deliver
  | Gap
export type PacketKind = Packet['kind']
