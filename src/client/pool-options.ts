/** What a pool of connections is given, checked, with the defaults. */
import { systemClock } from '../clock.js'
import type { ConnectionOptions } from './connection-options.js'
import { ClientError } from './errors.js'
import type { ServerChoice } from './server-list.js'

export interface PoolOptions
  extends Pick<ConnectionOptions, 'token' | 'agent' | 'connectTimeoutMs' | 'maxOutboxBytes' | 'clock'>, ServerChoice {
  /**
   * How many connections; default 1 and 1: calls share one and do not wait for each other. With a `max` above that
   * another one is opened while all have calls in flight or are full. `min` stay open when there is nothing to do. At most 64.
   */
  readonly connections?: { readonly min?: number; readonly max?: number }
  /** How long a call may wait for a connection with room for it; then POOL_EXHAUSTED. Default 15 s. */
  readonly acquireTimeoutMs?: number
  /** How many calls may wait for that, or for their next try, at once; one more fails at once with POOL_EXHAUSTED. Default 65,536. */
  readonly maxWaitingCalls?: number
  /** A connection above `min` without a call for so long is closed. Default 60 s. */
  readonly idleConnectionMs?: number
  /** 0 up to 1, for the choice of a server and all jitter; default Math.random. */
  readonly random?: () => number
}

/** Longer than `connectTimeoutMs`: of a server that does not answer the reason is told. */
const DEFAULT_ACQUIRE_TIMEOUT_MS = 15_000
export const DEFAULT_MAX_WAITING_CALLS = 65_536
const DEFAULT_IDLE_CONNECTION_MS = 60_000
const MAX_CONNECTIONS = 64

/** Throws BAD_FIELD. */
export function readPoolOptions(options: PoolOptions) {
  const { min = 1, max = Math.max(1, min) } = options.connections ?? {}
  if (!(
    Number.isInteger(min) &&
    Number.isInteger(max) &&
    min >= 0 &&
    max >= Math.max(1, min) &&
    max <= MAX_CONNECTIONS
  )) {
    throw new ClientError('BAD_FIELD', `connections: 0 ≤ min ≤ max, 1 ≤ max ≤ ${MAX_CONNECTIONS}`)
  }
  return {
    min,
    max,
    acquireTimeoutMs: options.acquireTimeoutMs ?? DEFAULT_ACQUIRE_TIMEOUT_MS,
    maxWaitingCalls: options.maxWaitingCalls ?? DEFAULT_MAX_WAITING_CALLS,
    idleConnectionMs: options.idleConnectionMs ?? DEFAULT_IDLE_CONNECTION_MS,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  }
}
