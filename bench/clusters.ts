/**
 * Several nodes of one kind on this machine. Ours meet at NATS, Socket.IO's at Redis; C floors know nothing of each other,
 * so that who publishes to them tells each.
 */
import { randomBytes } from 'node:crypto'
import { isBrokerInstalled, startBroker, type Broker, type BrokerName } from './broker-process.js'
import { SERVER_SETTINGS } from './contest.js'
import type { LoadTarget } from './load/room-load.js'
import { isInstalled, isSocketIoNodeInstalled, startRival, startSocketIoNode } from './rivals/rivals.js'
import { startServer } from './server-process.js'
import { OURS, type Row } from './suite.js'

export type ClusterName = typeof OURS | 'socket.io' | 'c-floor'

export interface Cluster extends LoadTarget {
  readonly name: ClusterName
  readonly nodePids: readonly number[]
  readonly brokerPid: number | undefined
  /** Resolves when all of it is gone. */
  close(): Promise<void>
}

interface Node {
  readonly pid: number
  readonly port: number
  close(): Promise<void>
}

interface Kind {
  readonly dialect: LoadTarget['dialect']
  readonly broker?: BrokerName
  readonly secret?: string
  isInstalled(): boolean
  /** `brokerPort` if there is a broker. */
  startNode(brokerPort: number): Promise<Node>
}

/** As `SERVER_SETTINGS`, but what is delivered is in JetStream; whoever connects stays where it came. */
export const CLUSTER_SETTINGS = {
  NESTWIRE_PING_INTERVAL_MS: SERVER_SETTINGS.NESTWIRE_PING_INTERVAL_MS,
  NESTWIRE_IDLE_TIMEOUT_MS: SERVER_SETTINGS.NESTWIRE_IDLE_TIMEOUT_MS,
  NESTWIRE_CLUSTER_ROUTING: 'accept',
} as const

const ours = (settings: Readonly<Record<string, string>>): Kind => {
  const [secret, ticketSecret] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
  return {
    dialect: 'nestwire',
    broker: 'nats',
    secret,
    isInstalled: () => true,
    startNode: (brokerPort) =>
      startServer({
        ...CLUSTER_SETTINGS,
        NESTWIRE_CLUSTER_URL: `nats://127.0.0.1:${brokerPort}`,
        NESTWIRE_AUTH_SECRET: secret,
        NESTWIRE_TICKET_SECRET: ticketSecret,
        ...settings,
      }),
  }
}

const rivalKinds: Readonly<Record<Exclude<ClusterName, typeof OURS>, Kind>> = {
  'socket.io': {
    dialect: 'socket.io',
    broker: 'redis',
    isInstalled: isSocketIoNodeInstalled,
    startNode: startSocketIoNode,
  },
  'c-floor': {
    dialect: 'framed',
    isInstalled: () => isInstalled('c-floor'),
    startNode: () => startRival('c-floor'),
  },
}

/** `settings` are for our own nodes, beside `CLUSTER_SETTINGS`. */
const kindOf = (name: ClusterName, settings: Readonly<Record<string, string>> = {}): Kind =>
  name === OURS ? ours(settings) : rivalKinds[name]

export function isClusterMissing(name: ClusterName): boolean {
  const { broker, ...kind } = kindOf(name)
  return !kind.isInstalled() || (broker !== undefined && !isBrokerInstalled(broker))
}

/** What a table has of the clusters that cannot be started here. */
export const emptyClusterRows = (
  names: readonly ClusterName[],
  params: Readonly<Record<string, string | number>>,
): Row[] =>
  names.filter(isClusterMissing).map((name) => ({ name, ...params, missing: 'not installed: npm run bench:setup' }))

/** The nodes start one after the other: the first makes what the others find. */
export async function startCluster(
  name: ClusterName,
  nodes: number,
  settings?: Readonly<Record<string, string>>,
): Promise<Cluster> {
  const kind = kindOf(name, settings)
  const broker: Broker | undefined = kind.broker === undefined ? undefined : await startBroker(kind.broker)
  const running: Node[] = []
  const close = async (): Promise<void> => {
    await Promise.all(running.map((node) => node.close()))
    await broker?.close()
  }
  try {
    while (running.length < nodes) running.push(await kind.startNode(broker?.port ?? 0))
  } catch (error) {
    await close()
    throw error
  }
  const { dialect, secret = '' } = kind
  const [port = 0, ...otherPorts] = running.map((node) => node.port)
  return {
    name,
    dialect,
    secret,
    port,
    otherPorts,
    isApart: broker === undefined,
    nodePids: running.map(({ pid }) => pid),
    brokerPid: broker?.pid,
    close,
  }
}
