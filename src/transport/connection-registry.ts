/** All connections whose socket is still there, and the ids they get. */
import { randomBytes } from 'node:crypto'
import { trustedConnectionId, type ConnectionId } from '../protocol/ids.js'
import type { Pass } from './connection-gate.js'
import type { Connection } from './connection.js'

export class ConnectionRegistry {
  /** Without a pass: about to be told that it is refused. */
  private readonly passes = new Map<Connection, Pass | undefined>()
  private readonly incarnation = randomBytes(4).toString('hex')
  private opened = 0
  private refused = 0
  private onEmpty: (() => void) | undefined

  get size(): number {
    return this.passes.size
  }

  /** Of these, those that are on their way out from the begin. */
  get refusedCount(): number {
    return this.refused
  }

  /** Unique over restarts, too, as far as 32 random bits are. */
  nextId(): ConnectionId {
    this.opened += 1
    return trustedConnectionId(`${this.incarnation}-${this.opened.toString(36)}`)
  }

  add(connection: Connection, pass: Pass | undefined): void {
    this.passes.set(connection, pass)
    if (pass === undefined) this.refused += 1
  }

  /** False for one that is only told that it is refused. */
  isAdmitted(connection: Connection): boolean {
    return this.passes.get(connection) !== undefined
  }

  remove(connection: Connection): void {
    const pass = this.passes.get(connection)
    if (!this.passes.delete(connection)) return
    if (pass === undefined) this.refused -= 1
    else pass.leave()
    if (this.passes.size === 0) this.onEmpty?.()
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.passes.keys()
  }

  /** Resolves when the last socket is gone. */
  async whenEmpty(): Promise<void> {
    if (this.passes.size === 0) return
    await new Promise<void>((resolve) => {
      this.onEmpty = resolve
    })
  }
}
