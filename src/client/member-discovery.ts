/**
 * Learns the members of a cluster from the servers that a client is connected to: once for each connection, at a random
 * moment, so that a crowd which comes back does not ask all at once. Of several connections the newest is asked, and another
 * one if it ends before it has answered. Without an answer the list stays as it was.
 */
import type { Clock } from '../clock.js'
import { Feature } from '../protocol/constants.js'
import { Alarm } from './alarm.js'
import type { ClientConnection } from './client-connection.js'
import type { ServerList } from './server-list.js'

const ASK_WITHIN_MS = 10_000
const ANSWER_WITHIN_MS = 10_000

interface DiscoveryOptions {
  readonly clock: Clock
  /** 0 up to 1. */
  readonly random: () => number
  readonly servers: ServerList
}

export class MemberDiscovery {
  private readonly alarm: Alarm
  /** To members of a cluster, the newest last. */
  private connections: readonly ClientConnection[] = []
  /** It is still to be asked, or to answer. */
  private source: ClientConnection | undefined

  constructor(private readonly options: DiscoveryOptions) {
    this.alarm = new Alarm(options.clock, () => this.ask())
  }

  watch(connection: ClientConnection): void {
    if ((connection.welcome.features & Feature.Cluster) === 0) return
    this.connections = [...this.connections, connection]
    this.askSoon()
  }

  /** It is over, or its server goes away. */
  forget(connection: ClientConnection): void {
    this.connections = this.connections.filter((other) => other !== connection)
    if (this.source === connection) this.askSoon()
  }

  private askSoon(): void {
    this.alarm.clear()
    this.source = this.connections.at(-1)
    const { clock, random } = this.options
    if (this.source !== undefined) this.alarm.setBy(clock.uptimeMs() + random() * ASK_WITHIN_MS)
  }

  private ask(): void {
    const { source } = this
    const answered = (): void => {
      if (this.source === source) this.source = undefined
    }
    source?.call(
      'cluster.nodes',
      {},
      { deadlineMs: ANSWER_WITHIN_MS },
      {
        next: (reply) => {
          const members = membersIn(reply)
          if (members !== undefined) this.options.servers.learn(members)
        },
        // If it is its end, `forget` asks another one.
        error: () => {
          if (source.closedBy === undefined) answered()
        },
        complete: answered,
      },
    )
  }
}

/** Addresses of those that take clients; `undefined` if the reply is none. */
function membersIn(reply: unknown): string[] | undefined {
  if (typeof reply !== 'object' || reply === null || !('nodes' in reply) || !Array.isArray(reply.nodes))
    return undefined
  const nodes: readonly unknown[] = reply.nodes
  return nodes.flatMap((node) => {
    if (typeof node !== 'object' || node === null || !('address' in node) || !('state' in node)) return []
    return typeof node.address === 'string' && node.state === 'up' ? [node.address] : []
  })
}
