/** The standalone client: `import { connect } from 'nestwire/client'`. */
export { connect } from './chat-client.js'
export type { ChatClient, ChatClientOptions, JoinOptions, Ping } from './chat-client.js'
export { ClientConnection } from './client-connection.js'
export type { ConnectionStatus } from './connection-keeper.js'
export type {
  CallOptions,
  CallPriority,
  ClientTls,
  ConnectionHandlers,
  ConnectionOptions,
  PublishOptions,
  RepeatOptions,
  ResumeOffer,
  ServerEvent,
} from './connection-options.js'
export {
  CLIENT_ERROR_CODES,
  ClientError,
  ConnectionClosedError,
  NestwireError,
  ServerClosedError,
  ServerError,
  TimeoutError,
} from './errors.js'
export type { ClientErrorCode } from './errors.js'
export type { QueueLimits } from './item-queue.js'
export type { CallObserver } from './calls.js'
export type { EndReason } from './room-feed.js'
export type { GapCause, GapItem, JoinItem, LeaveItem, LoggedItem, RoomItem, TextItem } from './room-items.js'
export type { Published } from './pending-send.js'
export type { Room } from './room.js'
export type { Signal, SignalListener } from './room-signals.js'
export type { ServerChoice } from './server-list.js'
export type { SteadyOptions } from './steady-request.js'
export type { AuthOk, Welcome } from '../protocol/packets.js'
