/** What a connection is given and tells: options with their defaults, and the packets that answer no call. */
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls'
import { systemClock, type Clock } from '../clock.js'
import { DEFAULT_PORT, Priority } from '../protocol/constants.js'
import type { Deliver, Gap, GoAway, Metadata, RoomPosition, WireLimits } from '../protocol/packets.js'
import { ClientError, type NestwireError } from './errors.js'

/** A server event that answers nothing, e.g. `rooms.presence`. */
export interface ServerEvent {
  readonly pattern: string
  readonly data: unknown
  readonly metadata: Metadata | undefined
}

/** Called in the order of the packets; byte fields are views, copy to keep. */
export interface ConnectionHandlers {
  onDeliver?: (deliver: Deliver) => void
  onEvent?: (event: ServerEvent) => void
  onGap?: (gap: Gap) => void
  onGoAway?: (goAway: GoAway) => void
  onLimits?: (limits: WireLimits) => void
  /** Once, after every call in flight failed; `undefined` if this side closed. */
  onClosed?: (error: NestwireError | undefined) => void
}

/**
 * What `node:tls` takes to connect, PEM texts. The server's certificate is checked in any case: against `ca`, without one
 * against the authorities that Node knows, for `servername` or else the host. `cert` and `key` are shown where the server
 * asks for them, and log in where no token is given.
 */
export type ClientTls = Pick<TlsConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase' | 'servername' | 'minVersion'>

export interface ConnectionOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 7420. */
  readonly port?: number
  /** Switches TLS on, if only by `{}`. */
  readonly tls?: ClientTls | undefined
  /** Sent if the server asks for authentication; a function is called anew for each login. */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** Takes up an earlier session again, if the server still knows it; else the token is sent. */
  readonly resume?: ResumeOffer | undefined
  /** Free text for the server's logs. */
  readonly agent?: string
  /** From the start to AUTH_OK; default 10 s. */
  readonly connectTimeoutMs?: number
  /** Bytes that may wait to be written before calls fail with OUTBOX_FULL; default 4 MiB. In a pool calls wait at half of them. */
  readonly maxOutboxBytes?: number
  readonly clock?: Clock
  readonly handlers?: ConnectionHandlers
  /** Aborting it ends the opening at once, with CLOSED. */
  readonly signal?: AbortSignal
}

/** What a connection that is over leaves to the next one. */
export interface ResumeOffer {
  readonly ticket: Buffer
  /** Up to where the records of each room were taken. As many are sent as fit a frame, the first ones. */
  readonly positions: readonly RoomPosition[]
}

/** What the client itself adds. */
export interface OpenOptions extends ConnectionOptions {
  /** How many servers have sent it elsewhere; default 0. */
  readonly redirects?: number
}

export interface CallOptions {
  /** After this the call fails with DEADLINE_EXCEEDED here and is cancelled there; at most 10 ms late. Default: none. */
  readonly deadlineMs?: number | undefined
  readonly metadata?: Metadata | undefined
  readonly priority?: CallPriority | undefined
}
export type CallPriority = 'normal' | 'high' | 'low'

export interface PublishOptions {
  readonly deadlineMs?: number
  readonly priority?: CallPriority
  /** 16 bytes; random if not given. */
  readonly messageId?: Buffer
}
export interface RepeatOptions extends PublishOptions {
  /** The message was sent before, for the first time so long ago. */
  readonly ageMs?: number | undefined
}

const DEFAULT_AGENT = 'nestwire-client'
export const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
const DEFAULT_MAX_OUTBOX_BYTES = 4 * 1024 * 1024

const wirePriorities = { normal: Priority.Normal, high: Priority.High, low: Priority.Low } as const
export const toWirePriority = (priority: CallPriority = 'normal'): Priority => wirePriorities[priority]

export function withDefaults(options: ConnectionOptions) {
  return {
    host: options.host ?? DEFAULT_HOST,
    port: options.port ?? DEFAULT_PORT,
    tls: options.tls,
    agent: options.agent ?? DEFAULT_AGENT,
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    maxOutboxBytes: options.maxOutboxBytes ?? DEFAULT_MAX_OUTBOX_BYTES,
    clock: options.clock ?? systemClock,
  }
}

export async function readToken(token: ConnectionOptions['token']): Promise<string | undefined> {
  if (typeof token !== 'function') return token
  try {
    return await token()
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new ClientError('TOKEN_PROVIDER_FAILED', `the token function failed: ${message}`, { cause })
  }
}
