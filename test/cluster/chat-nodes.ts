/** Whole servers in one cluster, on one real NATS server for the file; each node has a clock of its own that stands still. */
import { afterAll, beforeAll, expect } from 'vitest'
import { ClusterRouter } from '../../src/cluster/cluster-router.js'
import type { ClusterView } from '../../src/cluster/cluster-view.controller.js'
import { HEARTBEAT_MS } from '../../src/cluster/own-node.js'
import type { Environment } from '../../src/config/load-settings.js'
import { STATE_STORE } from '../../src/log/room-log.token.js'
import type { SharedStateStore } from '../../src/log/state-store.js'
import { parseUserId, type UserId } from '../../src/protocol/ids.js'
import { newName, SHARED_SECRETS } from '../log/jetstream/cluster-nodes.js'
import { ManualClock } from '../support/manual-clock.js'
import { NatsServer } from '../support/nats-server.js'
import { runApp, type TestApp } from '../support/running-app.js'

export interface ChatNode extends TestApp {
  readonly clock: ManualClock
  readonly port: number
  /** `host:port` as told to clients. */
  readonly told: string
  readonly router: ClusterRouter
  readonly state: SharedStateStore
  /** What `GET /cluster` says. */
  readonly view: () => Promise<View>
  /** States of the nodes as this one sees them, by name. */
  readonly states: () => Promise<Readonly<Record<string, NodeState>>>
}
type View = Extract<ClusterView, { kind: 'cluster' }>
type NodeState = View['nodes'][number]['state']

export interface Cluster {
  readonly server: NatsServer
  /** One that knows of the others once this resolves, and they of it. */
  readonly start: (name: string, env?: Environment) => Promise<ChatNode>
}

/** For a whole file; each call of the returned function is a cluster of its own. */
export function clusters(): () => Cluster {
  let server: NatsServer | undefined
  beforeAll(async () => {
    server = await NatsServer.start()
  })
  afterAll(() => server?.discard())
  return () => {
    if (server === undefined) throw new Error('the NATS server has not been started')
    return clusterOn(server)
  }
}

export function clusterOn(server: NatsServer): Cluster {
  const common = { ...SHARED_SECRETS, NESTWIRE_CLUSTER_URL: server.url, NESTWIRE_CLUSTER_NAME: newName() }
  const started: ChatNode[] = []
  const start = async (name: string, env: Environment = {}): Promise<ChatNode> => {
    const node = await startNode({ ...common, NESTWIRE_NODE_NAME: name, ...env })
    started.push(node)
    for (const { router } of started) await expect.poll(() => router.nodes().length).toBe(started.length)
    return node
  }
  return { server, start }
}

async function startNode(env: Environment): Promise<ChatNode> {
  const clock = new ManualClock()
  const app = await runApp(env, clock)
  const view = async (): Promise<View> => {
    const response = await fetch(`http://127.0.0.1:${app.httpAddress.port}/cluster`)
    return (await response.json()) as View
  }
  return {
    ...app,
    clock,
    port: app.address.port,
    told: `127.0.0.1:${app.address.port}`,
    router: app.app.get(ClusterRouter, { strict: false }),
    state: app.app.get<SharedStateStore>(STATE_STORE, { strict: false }),
    view,
    states: async () => Object.fromEntries((await view()).nodes.map(({ name, state }) => [name, state])),
  }
}

/** Somebody who belongs to that node, another one for each `number`. */
export function userOf({ router, told }: ChatNode, number = 0): UserId {
  for (let n = 0, found = 0; ; n += 1) {
    const user = parseUserId(`user-${n}`)
    if (user !== undefined && router.route(user)?.address === told && (found += 1) > number) return user
  }
}

/** Lets heartbeats of `node` pass until it sees the nodes in these states. */
export function seesInTime(node: ChatNode, states: Awaited<ReturnType<ChatNode['states']>>): Promise<void> {
  const afterBeat = (): ReturnType<ChatNode['states']> => {
    node.clock.advance(HEARTBEAT_MS)
    return node.states()
  }
  return expect.poll(afterBeat, { timeout: 20_000, interval: 10 }).toEqual(states)
}
