/** What other Nest applications import as `nestwire`: a server for their own controllers, and a client for them. */
export type { Clock } from './clock.js'
export type { RoomItem } from './client/room-items.js'
export type { Authenticator, Grant, Principal, Role } from './transport/authentication.js'
export type { CompactRoute } from './transport/compact-route.js'
export type { ConnectionHandle, ConnectionObserver, OfferVerdict } from './transport/connection-handle.js'
export {
  NestwireClient,
  type NestwireClientEvents,
  type NestwireClientOptions,
  type NestwireClientStatus,
} from './transport/nestwire-client.js'
export { NestwireDrainModule } from './transport/nestwire-drain.module.js'
export { NestwireContext } from './transport/nestwire.context.js'
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
