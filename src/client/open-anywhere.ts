/** A connection to one server of a list: where servers send it, and past those that do not take it. */
import { CloseCode } from '../protocol/close-codes.js'
import type { ClientConnection } from './client-connection.js'
import { NestwireError, ServerClosedError } from './errors.js'
import { isLasting } from './retry.js'
import type { Destination, ServerList } from './server-list.js'

type Open = (destination: Destination) => Promise<ClientConnection>

/** Rejects with the last failure when the list has no further server to try at once, or none would help. */
export async function openAnywhere(servers: ServerList, open: Open): Promise<ClientConnection> {
  for (;;) {
    try {
      const connection = await open(servers.next())
      if (connection.closedBy !== undefined) throw connection.closedBy
      servers.arrived()
      return connection
    } catch (error) {
      if (!(error instanceof NestwireError)) throw error
      if (!goesOn(servers, error)) throw error
    }
  }
}

/** The `host:port` that a server has sent the client to; empty if it has not, or names none. */
export const targetOf = (error: NestwireError | undefined): string =>
  error instanceof ServerClosedError && error.retryClass === 'elsewhere' ? error.target : ''

function goesOn(servers: ServerList, error: NestwireError): boolean {
  // The server has given it a turn. A crowd that asks elsewhere, too, would be counted there, too.
  if (error instanceof ServerClosedError && error.closeCode === CloseCode.TooManyLogins) return false
  if (servers.follow(targetOf(error))) return true
  return servers.failed() && !isLasting(error)
}
