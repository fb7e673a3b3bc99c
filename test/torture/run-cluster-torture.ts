/**
 * Three NATS servers and three nodes; servers and nodes are killed, frozen and drained at random while clients send, read and
 * move about. The checker judges what they wrote down after each misfortune, and all of it at the end.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { ClusterNode } from '../support/cluster-node.js'
import { leaderOf, startThreeServers, type NatsServer } from '../support/nats-server.js'
import { JudgedCrowd } from './judged-crowd.js'
import { LibraryUser } from './library-user.js'
import { Random, type Span } from './random.js'
import { roomsNamed } from './room-names.js'
import { Seeds } from './seeds.js'
import type { Tally } from './tally.js'
import { QUIET, TortureClient, type Habits } from './torture-client.js'
import type { Violation } from './violation.js'

export interface ClusterTortureOptions {
  /** A u32. */
  readonly seed: number
  readonly durationMs: number
  readonly progress?: (line: string) => void
}

export interface ClusterTortureReport {
  readonly seed: number
  readonly seconds: number
  /** How often each happened, and how long it took at most from then on until messages were acknowledged again. */
  readonly misfortunes: Readonly<Record<string, { readonly count: number; readonly recoveryMsMax: number }>>
  /** Of clients made of the protocol alone, */
  readonly onTheWire: Tally
  /** and of users of the client library. */
  readonly inTheLibrary: Tally
  readonly violations: readonly Violation[]
}

const HISTORY_MAX_RECORDS = 2_000
const CLUSTER_NAME = 'torture'
const WIRE_ROOMS = roomsNamed('torture-a', 'torture-b')
const LIBRARY_ROOMS = roomsNamed('torture-c')
const HABITS: Readonly<Record<string, Habits>> = {
  'sender-1': { ...QUIET, sends: true },
  'sender-2': { ...QUIET, sends: true, cuts: true },
  'sender-3': { ...QUIET, sends: true, cuts: true, dozes: true },
  'reader-1': QUIET,
  'reader-2': { ...QUIET, cuts: true },
  'reader-3': { ...QUIET, cuts: true, dozes: true },
  'reader-4': { ...QUIET, cuts: true, sleeps: true },
}
/** Messages a second. */
const LIBRARY_USERS: Readonly<Record<string, number>> = { 'user-1': 10, 'user-2': 10, 'user-3': 0 }

const TOKEN_TTL_SECONDS = 36_000
/** Clients of a frozen node go elsewhere after so much silence. */
const SILENCE_MS = 5_000
const BETWEEN_MS: Span = [1_000, 5_000]
const AWAY_MS: Span = [0, 6_000]
const FROZEN_MS: Span = [500, 12_000]
/** Elections take 4 to 9 s each, and a server that comes back must catch up. */
const RECOVERY_TIMEOUT_MS = 120_000
const RECOVERED_MESSAGES = 50
const MAX_VIOLATIONS = 50

export async function runClusterTorture(options: ClusterTortureOptions): Promise<ClusterTortureReport> {
  const torture = new ClusterTorture(options)
  try {
    return await torture.run()
  } finally {
    await torture.close()
  }
}

class ClusterTorture {
  private readonly startedAtMs = performance.now()
  private readonly random: Random
  private readonly secret = randomBytes(32).toString('hex')
  private readonly misfortunes: Record<string, { count: number; recoveryMsMax: number }> = {}
  private servers: readonly NatsServer[] = []
  private nodes: readonly ClusterNode[] = []
  private crowds: readonly JudgedCrowd[] = []
  private told = 0

  constructor(private readonly options: ClusterTortureOptions) {
    this.random = new Random(options.seed)
  }

  async run(): Promise<ClusterTortureReport> {
    await this.start()
    const [wire, library] = [await this.wireCrowd(), await this.libraryCrowd()]
    this.crowds = [wire, library]
    while (this.goesOn()) {
      await sleep(this.random.within(BETWEEN_MS))
      await this.misfortune()
      this.tell()
    }
    for (const crowd of this.crowds) await crowd.end(this.node(0).port, await this.token('auditor'))
    return {
      seed: this.options.seed,
      seconds: Math.round((performance.now() - this.startedAtMs) / 1_000),
      misfortunes: this.misfortunes,
      onTheWire: wire.figures,
      inTheLibrary: library.figures,
      violations: this.violations.slice(0, MAX_VIOLATIONS),
    }
  }

  async close(): Promise<void> {
    for (const crowd of this.crowds) crowd.stop()
    await Promise.all(this.nodes.map((node) => node.discard()))
    await Promise.all(this.servers.map((server) => server.discard()))
  }

  private get violations(): readonly Violation[] {
    return this.crowds.flatMap(({ violations }) => violations)
  }

  private get acknowledged(): number {
    let count = 0
    for (const crowd of this.crowds) {
      crowd.look()
      count += crowd.figures.acknowledged
    }
    return count
  }

  private tell(): void {
    const { progress } = this.options
    const far = this.crowds.map(({ figures }) => figures.acknowledged).join(' and ')
    progress?.(`${JSON.stringify(this.misfortunes)}: acknowledged ${far}`)
    for (const { kind, details } of this.violations.slice(this.told)) progress?.(`${kind}: ${details}`)
    this.told = this.violations.length
  }

  private async start(): Promise<void> {
    this.servers = await startThreeServers()
    const urls = this.servers.map(({ url }) => url)
    const settings = {
      NESTWIRE_CLUSTER_URL: urls.join(','),
      NESTWIRE_CLUSTER_NAME: CLUSTER_NAME,
      NESTWIRE_CLUSTER_REPLICAS: '3',
      NESTWIRE_AUTH_SECRET: this.secret,
      NESTWIRE_TICKET_SECRET: randomBytes(32).toString('hex'),
      NESTWIRE_HISTORY_MAX_RECORDS: String(HISTORY_MAX_RECORDS),
      NESTWIRE_DRAIN_TIMEOUT_MS: '5000',
      NESTWIRE_LOG_LEVEL: 'fatal',
    }
    const names = ['n1', 'n2', 'n3']
    this.nodes = await Promise.all(names.map((name) => ClusterNode.place({ name, settings })))
    await Promise.all(this.nodes.map((node) => node.start()))
  }

  private async wireCrowd(): Promise<JudgedCrowd> {
    const enter = async ([user, habits]: [string, Habits], index: number): Promise<TortureClient> => {
      const [seeds, random] = [new Seeds(this.ports, index), this.random.fork()]
      const token = await this.token(user)
      return new TortureClient({ user, seeds, token, rooms: WIRE_ROOMS, random, habits, silenceMs: SILENCE_MS })
    }
    return this.crowdOf(WIRE_ROOMS, await Promise.all(Object.entries(HABITS).map(enter)))
  }

  private async libraryCrowd(): Promise<JudgedCrowd> {
    const enter = async ([user, messagesPerSecond]: [string, number]): Promise<LibraryUser> => {
      const token = await this.token(user)
      return LibraryUser.enter({ user, ports: this.ports, token, rooms: LIBRARY_ROOMS, messagesPerSecond })
    }
    return this.crowdOf(LIBRARY_ROOMS, await Promise.all(Object.entries(LIBRARY_USERS).map(enter)))
  }

  private crowdOf(rooms: readonly RoomId[], participants: JudgedCrowd['participants']): JudgedCrowd {
    return new JudgedCrowd({ rooms, historyMaxRecords: HISTORY_MAX_RECORDS, isLogElsewhere: true, participants })
  }

  private goesOn(): boolean {
    return this.violations.length <= MAX_VIOLATIONS && performance.now() - this.startedAtMs < this.options.durationMs
  }

  /** One of them, and all is well again when it resolves. */
  private async misfortune(): Promise<void> {
    const kinds = {
      leaderKilled: () => this.killServer(leaderOf(`${CLUSTER_NAME}-log`, this.servers)),
      serverKilled: () => this.killServer(Promise.resolve(this.anyServer())),
      serverFrozen: () => this.freeze(this.anyServer()),
      nodeKilled: () => this.killNode(),
      nodeFrozen: () => this.freeze(this.anyNode()),
      nodeDrained: () => this.drainNode(),
    }
    const [name, happen] = this.random.pick(Object.entries(kinds) as [Kind, ...Kind[]])
    await happen()
    const recoveryMs = await this.recovery()
    const { count, recoveryMsMax } = this.misfortunes[name] ?? { count: 0, recoveryMsMax: 0 }
    this.misfortunes[name] = { count: count + 1, recoveryMsMax: Math.max(recoveryMsMax, Math.round(recoveryMs)) }
  }

  private async killServer(which: Promise<NatsServer>): Promise<void> {
    const server = await which
    await server.stop('SIGKILL')
    await sleep(this.random.within(AWAY_MS))
    await server.restart()
  }

  private async killNode(): Promise<void> {
    const node = this.anyNode()
    await node.kill()
    await sleep(this.random.within(AWAY_MS))
    await node.start()
  }

  private async drainNode(): Promise<void> {
    const node = this.anyNode()
    await node.drain()
    await node.start()
  }

  private async freeze(process: NatsServer | ClusterNode): Promise<void> {
    process.freeze()
    await sleep(this.random.within(FROZEN_MS))
    process.thaw()
  }

  /** How long it takes until messages are acknowledged, everywhere. */
  private async recovery(): Promise<number> {
    const startMs = performance.now()
    const target = this.acknowledged + RECOVERED_MESSAGES
    const isWell = async (): Promise<boolean> => {
      const readiness = await Promise.all(this.nodes.map((node) => node.readiness()))
      return readiness.every(({ status }) => status === 200) && this.acknowledged >= target
    }
    while (!(await isWell())) {
      if (performance.now() - startMs > RECOVERY_TIMEOUT_MS) throw new Error('it does not recover')
      await sleep(100)
    }
    return performance.now() - startMs
  }

  private anyServer(): NatsServer {
    return this.random.pick(this.servers as [NatsServer, ...NatsServer[]])
  }

  private anyNode(): ClusterNode {
    return this.random.pick(this.nodes as [ClusterNode, ...ClusterNode[]])
  }

  private node(index: number): ClusterNode {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  private get ports(): [number, ...number[]] {
    const [first, ...more] = this.nodes.map(({ port }) => port)
    return [first ?? this.node(0).port, ...more]
  }

  private token(user: string): Promise<string> {
    return issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, this.secret)
  }
}

type Kind = [string, () => Promise<void>]
