/** A request that outlives connections, as far as asking again does no harm. */
import type { Clock } from '../clock.js'
import type { ClientConnection } from './client-connection.js'
import type { ConnectionKeeper } from './connection-keeper.js'
import { ConnectionClosedError, isDraining, ServerClosedError } from './errors.js'

export interface SteadyOptions {
  /** For all of it, the wait for a connection too; `Infinity`: as long as it takes. */
  readonly deadlineMs: number
  /** Asked twice it does what it does once. */
  readonly isRepeatable: boolean
}

interface SteadyRequest extends SteadyOptions {
  readonly pattern: string
  readonly data: unknown
}

export async function askSteadily(keeper: ConnectionKeeper, clock: Clock, request: SteadyRequest): Promise<unknown> {
  const { pattern, data, isRepeatable } = request
  const dueAtMs = clock.uptimeMs() + request.deadlineMs
  // A call that is already too late still gets a moment, and fails with DEADLINE_EXCEEDED then.
  const leftMs = (): number => Math.max(1, dueAtMs - clock.uptimeMs())
  for (;;) {
    const connection = await keeper.ready({ deadlineMs: leftMs() })
    try {
      const deadlineMs = leftMs()
      return await connection.request(pattern, data, deadlineMs === Infinity ? {} : { deadlineMs })
    } catch (error) {
      if (isDraining(error)) keeper.avoid(connection)
      else if (!isRepeatable || !isEndOf(connection, error)) throw error
    }
  }
}

const isEndOf = (connection: ClientConnection, error: unknown): boolean =>
  connection.closedBy !== undefined && (error instanceof ConnectionClosedError || error instanceof ServerClosedError)
