/**
 * The orderly end of all connections: each is told to come back in a time slot of its own, answers what it was asked, and
 * closes. A few are begun a tick, so that health and the requests in flight get their turns meanwhile.
 */
import type { Clock } from '../clock.js'
import type { ConnectionRegistry } from './connection-registry.js'
import type { TransportCounters } from './transport-counters.js'
import type { TransportLimits } from './transport-limits.js'

/** GOAWAY, CLOSE and FIN of one take some 40 µs. */
const DRAINS_PER_TICK = 64
/** Clients come back spread over a millisecond each, at most this long, nor longer than the drain may take. */
const MAX_RETURN_SPREAD_MS = 10_000

interface Drain {
  readonly clock: Clock
  readonly limits: Pick<TransportLimits, 'drainTimeoutMs' | 'closeLingerMs'>
  readonly counters: TransportCounters
}

/**
 * How long requests in flight may take, in milliseconds: what comes after them, the time to read the last bytes, is part
 * of the drain, which must be over before somebody kills the process.
 */
const requestsMayTakeMs = ({ drainTimeoutMs, closeLingerMs }: Drain['limits']): number =>
  Math.max(1, drainTimeoutMs - Math.min(closeLingerMs, Math.floor(drainTimeoutMs / 2)))

/** Resolves when the last socket is gone. No connection may be added meanwhile. */
export async function drainConnections(
  registry: ConnectionRegistry,
  { clock, limits, counters }: Drain,
): Promise<void> {
  const deadlineMs = requestsMayTakeMs(limits)
  counters.drainedConnections = registry.size
  const stopWaiting = clock.every(deadlineMs, () => {
    for (const connection of registry) {
      if (!connection.isClosed) counters.cutInDrain += 1
      connection.endDrain()
    }
  })
  const connections = [...registry]
  const slotMs = Math.min(1, Math.min(MAX_RETURN_SPREAD_MS, limits.drainTimeoutMs) / connections.length)
  for (const [at, connection] of connections.entries()) {
    if (at > 0 && at % DRAINS_PER_TICK === 0) await nextTick()
    connection.drain(Math.floor(at * slotMs), deadlineMs)
  }
  await registry.whenEmpty()
  stopWaiting()
}

const nextTick = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
