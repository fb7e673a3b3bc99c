/**
 * A cluster of real processes on one real NATS server, for one spec: started on free ports, with a name of its own, ended with
 * the test. Crowds are judged by the checker of the torture.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { issueToken } from '../../../src/auth/token-issuer.js'
import { Feature } from '../../../src/protocol/constants.js'
import { ChatUser } from '../../support/chat-user.js'
import { compileSources, type CompiledSources } from '../../support/compiled-sources.js'
import { hello } from '../../support/raw-client.js'
import { NatsServer, startThreeServers } from '../../support/nats-server.js'
import { JudgedCrowd, type Participant } from '../../torture/judged-crowd.js'
import { Random } from '../../torture/random.js'
import { roomsNamed } from '../../torture/room-names.js'
import { Seeds } from '../../torture/seeds.js'
import { QUIET, TortureClient, type Habits } from '../../torture/torture-client.js'
import { ClusterNode } from '../../support/cluster-node.js'
import { LibraryUser } from '../../torture/library-user.js'

/** More than a run has: nothing may be missing. */
const HISTORY_MAX_RECORDS = 100_000
const START_TIMEOUT_MS = 60_000
const SETTLE_TIMEOUT_MS = 10_000
const TOKEN_TTL_SECONDS = 600
/** Of all crowds: no change is refused for the luck of another. */
const SEED = 1
/** The server pings more often. */
const SILENCE_MS = 30_000
export const READS: Habits = QUIET
export const SENDS: Habits = { ...QUIET, sends: true }
/** Each begins on another node: one that sends and one that reads on every one of three. */
export const SIX: Readonly<Record<string, Habits>> = {
  'sender-1': SENDS,
  'sender-2': SENDS,
  'sender-3': SENDS,
  'reader-1': READS,
  'reader-2': READS,
  'reader-3': READS,
}
export const ROOMS = roomsNamed('cluster-a', 'cluster-b')

export interface ClusterFixture {
  readonly nats: NatsServer
  /** All servers that keep streams together; `nats` is the first of them. */
  readonly servers: readonly NatsServer[]
  readonly start: (options?: ClusterOptions) => Promise<Cluster>
}

interface ClusterOptions {
  /** Where each node finds NATS, instead of at all servers; as many nodes as there are. */
  readonly urls?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
}

const NODES = 3

/** For a whole file. */
export function clusterOfProcesses(natsServers: 1 | 3 = 1): ClusterFixture {
  let servers: readonly NatsServer[] = []
  let sources: CompiledSources | undefined
  beforeAll(async () => {
    const starting = natsServers === 1 ? NatsServer.start().then((server) => [server]) : startThreeServers()
    ;[servers, sources] = await Promise.all([starting, compileSources()])
  }, START_TIMEOUT_MS)
  afterAll(() => Promise.all([sources?.remove(), ...servers.map((server) => server.discard())]))
  return {
    get nats() {
      const [first] = servers
      if (first === undefined) throw new Error('the NATS server has not been started')
      return first
    },
    get servers() {
      return servers
    },
    start: ({ urls, settings = {} } = {}) => {
      const everywhere = servers.map(({ url }) => url).join(',')
      const replicas = { NESTWIRE_CLUSTER_REPLICAS: String(natsServers) }
      const main = join(sources?.folder ?? '', 'main.js')
      return Cluster.start(main, urls ?? Array<string>(NODES).fill(everywhere), { ...replicas, ...settings })
    },
  }
}

export class Cluster {
  /** In the order of their names; n1 has index 0. */
  readonly nodes: ClusterNode[] = []

  private constructor(
    readonly name: string,
    private readonly main: string,
    private readonly secret: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  static async start(
    main: string,
    urls: readonly string[],
    settings: Readonly<Record<string, string>>,
  ): Promise<Cluster> {
    const secret = randomBytes(32).toString('hex')
    const name = `t${randomBytes(8).toString('hex')}`
    const common = {
      NESTWIRE_CLUSTER_NAME: name,
      NESTWIRE_AUTH_SECRET: secret,
      NESTWIRE_TICKET_SECRET: randomBytes(32).toString('hex'),
      NESTWIRE_LOG_LEVEL: 'fatal',
      // Clients stay where a test puts them.
      NESTWIRE_CLUSTER_ROUTING: 'accept',
      NESTWIRE_HISTORY_MAX_RECORDS: String(HISTORY_MAX_RECORDS),
      ...settings,
    }
    const cluster = new Cluster(name, main, secret, common)
    for (const url of urls) await cluster.place(url)
    await Promise.all(cluster.nodes.map((node) => node.start()))
    return cluster
  }

  /** One more, which finds NATS there; resolves when it listens. */
  async addNode(url: string): Promise<void> {
    const node = await this.place(url)
    await node.start()
  }

  node(index: number): ClusterNode {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  token(user: string): Promise<string> {
    return issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, this.secret)
  }

  /** A raw client on one node, which stays there. */
  async user(name: string, index: number): Promise<ChatUser> {
    return ChatUser.login(this.node(index).port, await this.token(name), hello({ features: Feature.Resume }))
  }

  /** The ports of all nodes, the one of `first` first. */
  ports(first = 0): [number, ...number[]] {
    const { nodes } = this
    return [this.node(first).port, ...nodes.filter((_, index) => index !== first).map(({ port }) => port)]
  }

  /** Clients made of the protocol alone; each is known by its name, knows all nodes and begins with another one. */
  async wireCrowd(habits: Readonly<Record<string, Habits>>, silenceMs = SILENCE_MS): Promise<Crowd> {
    const random = new Random(SEED)
    const enter = async ([user, habit]: [string, Habits], index: number): Promise<Participant> =>
      new TortureClient({
        user,
        seeds: new Seeds(this.ports(index % this.nodes.length)),
        token: await this.token(user),
        rooms: ROOMS,
        random: random.fork(),
        habits: habit,
        silenceMs,
      })
    return this.crowd(await Promise.all(Object.entries(habits).map(enter)))
  }

  /** Users of the client library, with what each sends a second. */
  async libraryCrowd(messagesPerSecond: Readonly<Record<string, number>>): Promise<Crowd> {
    const enter = async ([user, rate]: [string, number], index: number): Promise<Participant> =>
      LibraryUser.enter({
        user,
        ports: this.ports(index % this.nodes.length),
        token: await this.token(user),
        rooms: ROOMS,
        messagesPerSecond: rate,
      })
    return this.crowd(await Promise.all(Object.entries(messagesPerSecond).map(enter)))
  }

  private async place(url: string): Promise<ClusterNode> {
    const name = `n${this.nodes.length + 1}`
    const settings = { ...this.settings, NESTWIRE_CLUSTER_URL: url }
    const node = await ClusterNode.place({ name, main: this.main, settings })
    onTestFinished(() => node.discard())
    this.nodes.push(node)
    return node
  }

  private crowd(participants: readonly Participant[]): Crowd {
    const judged = new JudgedCrowd({
      rooms: ROOMS,
      historyMaxRecords: HISTORY_MAX_RECORDS,
      isLogElsewhere: true,
      settleTimeoutMs: SETTLE_TIMEOUT_MS,
      participants,
    })
    onTestFinished(() => judged.stop())
    return new Crowd(judged, this)
  }
}

export class Crowd {
  constructor(
    private readonly judged: JudgedCrowd,
    private readonly cluster: Cluster,
  ) {}

  get figures(): JudgedCrowd['figures'] {
    this.judged.look()
    return this.judged.figures
  }

  /** Resolves when so many more messages were acknowledged. */
  async acknowledges(count: number, timeoutMs = 30_000): Promise<void> {
    const target = this.figures.acknowledged + count
    await expect.poll(() => this.figures.acknowledged, { timeout: timeoutMs }).toBeGreaterThanOrEqual(target)
  }

  /** Ends the run and expects that nothing went wrong. `port`: of a node that is up. */
  async judge(port: number): Promise<JudgedCrowd['figures']> {
    await this.judged.end(port, await this.cluster.token('auditor'))
    expect(this.judged.violations.slice(0, 10)).toEqual([])
    return this.judged.figures
  }
}
