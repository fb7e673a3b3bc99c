import type { ConnectionHandle } from './connection-handle.js'

/** The servers beside this one that may serve its clients too, as the application knows them. */
export interface Neighbours {
  /** This server drains. Awaited before the first client is told, so it must not take long; must not reject. */
  startDraining(): Promise<void>
  /** Where the client of a draining server goes, `host:port`; `undefined`: to the same address. */
  targetOf(connection: ConnectionHandle): string | undefined
}
