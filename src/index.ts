/** What Nest applications import as `nestwire`: chat for their services, a server for their own controllers, and a client for them. */
export { RequireRole, RoleGuard } from './auth/role.guard.js'
export type { ChatRooms, NamePage } from './chat-library/chat-rooms.js'
export type { ChatServiceOptions } from './chat-library/chat-service-options.js'
export { getChatToken, getNestwireToken, InjectChat, InjectNestwire } from './chat-library/chat-tokens.js'
export { ChatService, type ListenOptions } from './chat-library/chat.service.js'
export type { CallDeadline } from './chat-library/contract-calls.js'
export { NestwireClientModule } from './chat-library/nestwire-client.module.js'
export {
  NestwireHealthIndicator,
  type HealthOptions,
  type NestwireHealth,
  type Pingable,
} from './chat-library/nestwire.health.js'
export type { HistoryPage, HistoryQuery } from './chat-library/room-records.js'
export type { SendReply } from './chat/chat.contract.js'
export type { Ping } from './client/chat-client.js'
export type { PublishOptions, ServerEvent } from './client/connection-options.js'
export type { PoolFigures } from './client/connection-pool.js'
export {
  ClientError,
  ConnectionClosedError,
  NestwireError,
  ServerClosedError,
  ServerError,
  TimeoutError,
} from './client/errors.js'
export type { Clock } from './clock.js'
export type { FixedHistogram } from './fixed-histogram.js'
export type { GapCause, GapItem, JoinItem, LeaveItem, LoggedItem, RoomItem, TextItem } from './client/room-items.js'
export { ErrorCode } from './protocol/error-codes.js'
export { parseUserId, type ConnectionId, type Epoch, type RoomId, type Seq, type UserId } from './protocol/ids.js'
export type { Metadata } from './protocol/packets.js'
export type { Authenticator, Grant, Principal, Role } from './transport/authentication.js'
export { CurrentSession, CurrentUser } from './transport/caller.decorators.js'
export type { CompactRoute } from './transport/compact-route.js'
export type { ConnectionFigures } from './transport/connection-figures.js'
export type { ConnectionHandle, ConnectionObserver, OfferVerdict } from './transport/connection-handle.js'
export {
  NestwireClient,
  type NestwireClientEvents,
  type NestwireClientOptions,
  type NestwireClientStatus,
} from './transport/nestwire-client.js'
export type { Neighbours } from './transport/neighbours.js'
export { NestwireDrainModule } from './transport/nestwire-drain.module.js'
export { NestwireContext, type CallInfo, type LogFields } from './transport/nestwire.context.js'
export { NestwireExceptionFilter } from './transport/nestwire-exception.filter.js'
export { NestwireException, type CodedError } from './transport/nestwire.exception.js'
export {
  NestwireServer,
  type NestwireServerEvents,
  type NestwireServerOptions,
  type NestwireStatus,
} from './transport/nestwire-server.js'
export { NESTWIRE_TRANSPORT } from './transport/nestwire-transport.js'
export { PayloadPipe, type PayloadIssue } from './transport/payload.pipe.js'
export {
  DEFAULT_TRANSPORT_LIMITS,
  fixedLimits,
  type LimitsSource,
  type TransportLimits,
} from './transport/transport-limits.js'
export type {
  ChangeReply,
  CreateReply,
  InfoReply,
  JoinReply,
  ListedRoom,
  ListReply,
  MembersReply,
  RoomsEvents,
  SignalReply,
} from './rooms/rooms.contract.js'
