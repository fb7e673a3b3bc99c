/**
 * The wire protocol alone: no Nest, no sockets. For clients and tools.
 * bytes → `FrameDecoder` → `decodePacket` → `Packet`, and back by `encodePacket`; bodies by `encodeBody`, `decodeBody`.
 */
export { decodeBody, encodeBody, BodyError, type BodyFault } from './body.js'
export { CloseCode, closeCodeName, retryClassOf, type RetryClass } from './close-codes.js'
export {
  BODY_LIMITS,
  DEFAULT_PORT,
  DELIVER_RESERVE_BYTES,
  Feature,
  FRAME_VERSION,
  FrameType,
  HEADER_BYTES,
  MAGIC,
  MAX_FRAME_BYTES_CEILING,
  MAX_HANDSHAKE_FRAME_BYTES,
  MESSAGE_ID_BYTES,
  Priority,
  PROTOCOL_VERSION,
} from './constants.js'
export { decodePacket } from './decode-packet.js'
export { encodeDeliverFrames, type DeliverBatch } from './deliver-frames.js'
export { encodePacket } from './encode-packet.js'
export { ErrorCode, errorCodeName, outcomeOf, type Outcome } from './error-codes.js'
export { FrameDecoder, type Frame } from './frame-decoder.js'
export {
  MAX_NAME_BYTES,
  NO_SEQ,
  parseRoomId,
  parseSeq,
  parseUserId,
  type Epoch,
  type RoomId,
  type Seq,
  type SessionId,
  type UserId,
} from './ids.js'
export { Operation } from './operations.js'
export {
  GapReason,
  LeaveReason,
  RecordKind,
  ResumeOutcome,
  RoomRole,
  WireRole,
  type Metadata,
  type Packet,
  type PacketKind,
  type RoomRecord,
  type WireLimits,
} from './packets.js'
export { ProtocolError } from './protocol-error.js'
