/** All connections whose socket is still there, and the ids they get. */
import { randomBytes } from 'node:crypto'
import { trustedConnectionId, type ConnectionId } from '../protocol/ids.js'
import type { Connection } from './connection.js'

export class ConnectionRegistry {
  private readonly connections = new Set<Connection>()
  private readonly incarnation = randomBytes(4).toString('hex')
  private opened = 0
  private onEmpty: (() => void) | undefined

  get size(): number {
    return this.connections.size
  }

  /** Unique over restarts, too, as far as 32 random bits are. */
  nextId(): ConnectionId {
    this.opened += 1
    return trustedConnectionId(`${this.incarnation}-${this.opened.toString(36)}`)
  }

  add(connection: Connection): void {
    this.connections.add(connection)
  }

  remove(connection: Connection): void {
    this.connections.delete(connection)
    if (this.connections.size === 0) this.onEmpty?.()
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.connections.values()
  }

  /** Resolves when the last socket is gone. */
  async whenEmpty(): Promise<void> {
    if (this.connections.size === 0) return
    await new Promise<void>((resolve) => {
      this.onEmpty = resolve
    })
  }
}
