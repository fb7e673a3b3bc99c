/**
 * A real server, an honest crowd that talks without pause, and one attack after the other: what the honest saw while it was
 * quiet and while the attack ran, how much memory the server took, and what the attackers were told.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { makeCertificates, type BenchCertificates } from '../../bench/certificates.js'
import { freePort } from '../../bench/free-port.js'
import { ServerPlace, type ServerRun } from '../../bench/server-process.js'
import { WorkerProcess } from '../../bench/worker-process.js'
import { issueToken } from '../../src/auth/token-issuer.js'
import type { Attack } from './attack.js'
import type { CrowdFigures, CrowdProgram } from './crowd-worker.js'
import { MetricsPage } from './metrics-page.js'
import { MemoryPeak, readHolds } from './process-watch.js'
import { Scene } from './scene.js'

export interface StageOptions {
  /** The compiled `main.js` of the server and `crowd-worker.js`; default: those beside this. */
  readonly main?: string
  readonly crowdWorker?: URL
  /** NESTWIRE_ variables. */
  readonly settings: Readonly<Record<string, string>>
  readonly isLong: boolean
  readonly isOverTls?: boolean
}

export interface Verdict {
  readonly attack: string
  readonly isControl: boolean
  readonly quiet: CrowdFigures
  readonly attacked: CrowdFigures
  /** Memory of the server that is no page of a file: before the attack, and the most while it ran. */
  readonly memoryMbBefore: number
  readonly memoryMbPeak: number
  /** What the attackers were told. */
  readonly told: string
  /** Other figures. */
  readonly notes: readonly string[]
  readonly faults: readonly string[]
}

const CROWD = { members: 20, messagesPerSecond: 100, room: 'the honest' } as const
const QUIET_MS = { short: 500, long: 5_000 } as const
const CROWD_WORKER = new URL('crowd-worker.js', import.meta.url)
const TOKEN_TTL_SECONDS = 36_000
/** Each attack comes from a network of its own, the first from 127.2.0.0/16. */
const FIRST_NETWORK = 2

interface StageParts {
  readonly place: ServerPlace
  readonly server: ServerRun
  readonly port: number
  readonly metrics: MetricsPage
  readonly crowd: WorkerProcess<CrowdProgram>
  readonly certificates: BenchCertificates | undefined
  readonly isLong: boolean
}

export class Stage {
  private performed = 0
  private hasServerEnded = false

  private constructor(private readonly parts: StageParts) {
    void parts.server.ended.then(() => (this.hasServerEnded = true))
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { main, crowdWorker = CROWD_WORKER, settings, isLong, isOverTls = false } = options
    const httpPort = await freePort()
    const certificates = isOverTls ? await makeCertificates() : undefined
    const own = { NESTWIRE_HTTP_PORT: String(httpPort), NESTWIRE_LOG_LEVEL: 'fatal' }
    const all = { ...own, ...certificates?.settings, ...settings }
    const place = await ServerPlace.make({ ...(main === undefined ? {} : { main }), settings: all, port: 0 })
    const crowd = new WorkerProcess<CrowdProgram>(crowdWorker)
    try {
      const server = place.run()
      const port = await server.listening
      await crowd.ask('enter', { port, ca: certificates?.ca, ...(await seats(place.secret)) })
      return new Stage({ place, server, port, metrics: new MetricsPage(httpPort), crowd, certificates, isLong })
    } catch (error) {
      await Promise.all([crowd.stop(), place.close()])
      certificates?.close()
      throw error
    }
  }

  /** The attackers are gone when it resolves. */
  async perform(attack: Attack): Promise<Verdict> {
    const { crowd, server, metrics, isLong } = this.parts
    await crowd.ask('figures', undefined)
    await sleep(isLong ? QUIET_MS.long : QUIET_MS.short)
    const quiet = await crowd.ask('figures', undefined)
    const before = await Promise.all(attack.metrics.map((metric) => metrics.sum(metric)))
    const memoryMbBefore = readHolds(server.pid).memoryMb
    const peak = new MemoryPeak(server.pid)
    const scene = this.nextScene()
    try {
      await attack.run(scene)
      const attacked = await crowd.ask('figures', undefined)
      const memoryMbPeak = peak.take()
      const after = await Promise.all(attack.metrics.map((metric) => metrics.sum(metric)))
      for (const [at, { name, least }] of attack.metrics.entries()) {
        const grown = (after[at] ?? 0) - (before[at] ?? 0)
        scene.expect(grown >= least, `${name} has grown by ${grown} and not by ${least}`)
      }
      scene.expect(!this.hasServerEnded, 'the server has ended')
      const faults = [...scene.faults, ...scene.tally.misread, ...wrongsTo(attacked)]
      const told = scene.tally.describe()
      const { name, isControl = false } = attack
      const { notes } = scene
      return { attack: name, isControl, quiet, attacked, memoryMbBefore, memoryMbPeak, told, notes, faults }
    } finally {
      peak.take()
      scene.leave()
    }
  }

  async close(): Promise<void> {
    const { crowd, place, certificates } = this.parts
    await crowd.stop()
    await place.close()
    certificates?.close()
  }

  private nextScene(): Scene {
    const { port, place, certificates, isLong, metrics } = this.parts
    const network = `127.${FIRST_NETWORK + this.performed}`
    this.performed += 1
    return new Scene({ port, secret: place.secret, network, isLong, metrics, ca: certificates?.ca })
  }
}

async function seats(secret: string) {
  const { members, room, messagesPerSecond } = CROWD
  const users = Array.from({ length: members }, (_, index) => `honest-${index}`)
  const ttlSeconds = TOKEN_TTL_SECONDS
  const tokens = await Promise.all(users.map((user) => issueToken({ user, role: 'user', ttlSeconds }, secret)))
  return { tokens, room, messagesPerSecond }
}

/** Whatever happens, nothing of these happens to them; how long they wait is judged by who asks for it. */
function wrongsTo({ receipts, mistakes, refused, interruptions }: CrowdFigures): string[] {
  const wrongs = { 'receipts too many or too few': mistakes, refusals: refused, interruptions }
  const faults = Object.entries(wrongs).filter(([, count]) => count > 0)
  return [
    ...faults.map(([what, count]) => `the honest: ${count} ${what}`),
    ...(receipts === 0 ? ['the honest heard nothing'] : []),
  ]
}
