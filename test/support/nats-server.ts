/**
 * Real NATS servers for tests: free ports, a folder of their own, and only what was started here is ended.
 * Without `nats-server` on the machine the specs are skipped, and say how to run them.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats } from '@nats-io/transport-node'
import { freePort } from '../../bench/free-port.js'

const PROGRAM = 'nats-server'
const LOOPBACK = '127.0.0.1'
const SERVER_NAME = 'server-'
const START_TIMEOUT_MS = 10_000
/** They take 4 to 9 s. */
const ELECTION_TIMEOUT_MS = 20_000

/** For `describe.skipIf`. */
export const isNatsMissing = spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' }).status !== 0
if (isNatsMissing) console.log('nats-server: missing, so what needs it is skipped; to get it: npm run setup')

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, LOOPBACK)
    socket.once('data', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })

export class NatsServer {
  private child: ChildProcess | undefined

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private extra: readonly string[],
  ) {}

  /** With JetStream. `extra` are further arguments of the program. */
  static async start(extra: readonly string[] = [], port?: number): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), 'nestwire-nats-'))
    const server = new NatsServer(port ?? (await freePort()), folder, extra)
    await server.restart()
    return server
  }

  get url(): string {
    return `nats://${LOOPBACK}:${this.port}`
  }

  /** On the same port, with what the last one stored, and with other further arguments if they are given. */
  async restart(extra = this.extra): Promise<void> {
    this.extra = extra
    const common = ['-a', LOOPBACK, '-p', String(this.port), '-js', '-sd', this.folder]
    this.child = spawn(PROGRAM, [...common, ...this.extra], { stdio: 'ignore' })
    const lastMs = performance.now() + START_TIMEOUT_MS
    while (!(await accepts(this.port))) {
      if (performance.now() > lastMs || this.child.exitCode !== null) throw new Error('nats-server does not start')
      await pause(20)
    }
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
  }

  freeze(): void {
    this.child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.child?.kill('SIGCONT')
  }

  /** Ends the server and removes what it stored. */
  async discard(): Promise<void> {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Three servers that keep streams together. */
export async function startThreeServers(): Promise<readonly NatsServer[]> {
  const routes = await Promise.all([freePort(), freePort(), freePort()])
  const all = routes.map((port) => `nats://${LOOPBACK}:${port}`).join(',')
  const starts = routes.map((port, index) =>
    NatsServer.start(
      `--cluster_name three --name ${SERVER_NAME}${index} --cluster nats://${LOOPBACK}:${port} --routes ${all}`.split(
        ' ',
      ),
    ),
  )
  return Promise.all(starts)
}

/** Of the servers of `startThreeServers`, the one that leads this stream; between two of them none does. */
export async function leaderOf(stream: string, servers: readonly NatsServer[]): Promise<NatsServer> {
  const connection = await connectToNats({ servers: servers.map(({ url }) => url) })
  try {
    const manager = await jetstreamManager(connection, { checkAPI: false })
    for (const deadlineMs = performance.now() + ELECTION_TIMEOUT_MS; performance.now() < deadlineMs;) {
      const cluster = await manager.streams.info(stream).then(
        (info) => info.cluster,
        () => undefined,
      )
      const leader = servers[Number(cluster?.leader?.slice(SERVER_NAME.length))]
      if (leader !== undefined) return leader
      await pause(100)
    }
    throw new Error(`nobody leads ${stream}`)
  } finally {
    await connection.close()
  }
}
