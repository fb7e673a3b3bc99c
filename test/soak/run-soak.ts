/**
 * A server that is used for a long time: judged clients who send, read, resume, stop reading and stay away; visitors who
 * come and go; an idle crowd; reloads of the settings. In the end nothing was lost, and nothing has kept growing.
 */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../bench/free-port.js'
import { ServerPlace, type ServerRun } from '../../bench/server-process.js'
import { issueToken } from '../../src/auth/token-issuer.js'
import { MetricsPage } from '../hostile/metrics-page.js'
import { JudgedCrowd } from '../torture/judged-crowd.js'
import { Random } from '../torture/random.js'
import { roomsNamed } from '../torture/room-names.js'
import { Seeds } from '../torture/seeds.js'
import type { Tally } from '../torture/tally.js'
import { QUIET, TortureClient, type Habits } from '../torture/torture-client.js'
import type { Violation } from '../torture/violation.js'
import { growthsOf, isFlat, type Growth, type GrowthBounds } from './flatness.js'
import { VitalsReader, type Vitals } from './vitals.js'
import { Visitors } from './visitors.js'

export interface SoakOptions {
  /** A u32. */
  readonly seed: number
  readonly durationMs: number
  readonly sampleEveryMs: number
  readonly reloadEveryMs: number
  readonly idle: number
  readonly bounds: GrowthBounds
  readonly main?: string
  readonly progress?: (line: string) => void
}

export interface SoakReport {
  readonly seed: number
  readonly seconds: number
  readonly samples: readonly Vitals[]
  readonly growths: readonly Growth[]
  readonly visits: number
  readonly reloads: number
  readonly figures: Tally
  readonly violations: readonly Violation[]
  readonly faults: readonly string[]
}

const HISTORY_MAX_RECORDS = 500
const ROOMS = roomsNamed('soak-a', 'soak-b', 'soak-c')
const HABITS: Readonly<Record<string, Habits>> = {
  'sender-1': { ...QUIET, sends: true },
  'sender-2': { ...QUIET, sends: true, cuts: true },
  'sender-3': { ...QUIET, sends: true, cuts: true, dozes: true },
  'reader-1': QUIET,
  'reader-2': { ...QUIET, dozes: true },
  'reader-3': { ...QUIET, cuts: true, dozes: true },
  'reader-4': { ...QUIET, cuts: true, sleeps: true },
}
const VISITORS = 6
const TTL_SECONDS = 36_000
/** What the reloads change to and fro. */
const RELOADED = ['NESTWIRE_SIGNALS_PER_SECOND=50', 'NESTWIRE_SIGNALS_PER_SECOND=60'] as const
const RELOAD_COUNTER = 'nestwire_config_reloads_total'
const DIGEST = /^nestwire_config_info\{digest="(\w+)"\}/m
/** A reload takes milliseconds; this is for a machine that does something else. */
const RELOAD_PATIENCE_MS = 30_000
const RELOAD_LOOK_MS = 50

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const folder = await mkdtemp(join(tmpdir(), 'nestwire-soak-'))
  const configFile = join(folder, 'settings')
  await writeFile(configFile, RELOADED[0])
  const [port, httpPort] = [await freePort(), await freePort()]
  const settings = {
    NESTWIRE_CONFIG_FILE: configFile,
    NESTWIRE_HTTP_PORT: String(httpPort),
    NESTWIRE_HISTORY_MAX_RECORDS: String(HISTORY_MAX_RECORDS),
    // Sessions that nobody comes back to are forgotten within the run.
    NESTWIRE_TICKET_TTL_MS: '60000',
    NESTWIRE_LOG_LEVEL: 'error',
  }
  const { main } = options
  const place = await ServerPlace.make({ ...(main === undefined ? {} : { main }), settings, port })
  const soak = new Soak({ options, place, port, metrics: new MetricsPage(httpPort), configFile })
  try {
    return await soak.run()
  } finally {
    soak.stop()
    await place.close()
    await rm(folder, { recursive: true })
  }
}

interface SoakParts {
  readonly options: SoakOptions
  readonly place: ServerPlace
  readonly port: number
  readonly metrics: MetricsPage
  readonly configFile: string
}

class Soak {
  private readonly startedAtMs = performance.now()
  private readonly samples: Vitals[] = []
  private readonly faults: string[] = []
  private crowd: JudgedCrowd | undefined
  private reloads = 0

  constructor(private readonly parts: SoakParts) {}

  async run(): Promise<SoakReport> {
    const { options, place, port } = this.parts
    const server = place.run()
    await server.listening
    void server.ended.then((code) => code !== 0 && this.faults.push(`the server ended: ${code}`))
    const crowd = await this.enterCrowd()
    const visitors = new Visitors({ port, idle: options.idle, visitors: VISITORS, tokenOf: (user) => this.token(user) })
    await visitors.come()
    await this.watch(server, crowd)
    await visitors.leave()
    await crowd.end(port, await this.token('auditor'))
    await this.checkReloads()
    const growths = growthsOf(this.samples, options.bounds)
    for (const growth of growths) if (!isFlat(growth)) this.faults.push(`not flat: ${growth.vital}`)
    return {
      seed: options.seed,
      seconds: Math.round((performance.now() - this.startedAtMs) / 1_000),
      samples: this.samples,
      growths,
      visits: visitors.visits,
      reloads: this.reloads,
      figures: crowd.figures,
      violations: crowd.violations,
      faults: [...this.faults, ...visitors.failures.map((failure) => `a visitor: ${failure}`)],
    }
  }

  stop(): void {
    this.crowd?.stop()
  }

  private async enterCrowd(): Promise<JudgedCrowd> {
    const random = new Random(this.parts.options.seed)
    const { port } = this.parts
    const participants = await Promise.all(
      Object.entries(HABITS).map(async ([user, habits]) => {
        const [own, token, seeds] = [random.fork(), await this.token(user), new Seeds([port])]
        return new TortureClient({ user, seeds, token, rooms: ROOMS, random: own, habits })
      }),
    )
    this.crowd = new JudgedCrowd({ rooms: ROOMS, historyMaxRecords: HISTORY_MAX_RECORDS, participants })
    return this.crowd
  }

  private async watch(server: ServerRun, crowd: JudgedCrowd): Promise<void> {
    const { durationMs, sampleEveryMs, reloadEveryMs, progress } = this.parts.options
    const reader = new VitalsReader(server.pid, this.parts.metrics)
    while (this.elapsedMs < durationMs && crowd.violations.length === 0) {
      await sleep(sampleEveryMs)
      const sample = await reader.read(this.elapsedMs / 1_000)
      this.samples.push(sample)
      crowd.look()
      if (this.elapsedMs >= (this.reloads + 1) * reloadEveryMs) await this.reload(server)
      progress?.(JSON.stringify(sample, (_, value: unknown) => (typeof value === 'number' ? Math.round(value) : value)))
    }
  }

  private async reload(server: ServerRun): Promise<void> {
    const before = await this.settingsInForce()
    this.reloads += 1
    // In one step: a file that is emptied is a fault.
    const { configFile } = this.parts
    await writeFile(`${configFile}.next`, RELOADED[this.reloads % 2 === 0 ? 0 : 1])
    await rename(`${configFile}.next`, configFile)
    server.signal('SIGHUP')
    const deadlineMs = performance.now() + RELOAD_PATIENCE_MS
    while ((await this.settingsInForce()) === before) {
      if (performance.now() > deadlineMs) return void this.faults.push(`reload ${this.reloads} has changed nothing`)
      await sleep(RELOAD_LOOK_MS)
    }
  }

  private async checkReloads(): Promise<void> {
    const failed = await this.parts.metrics.sum({ name: RELOAD_COUNTER, labels: { outcome: 'failed' } })
    if (failed > 0) this.faults.push(`${failed} of ${this.reloads} reloads failed`)
    if (this.reloads === 0) this.faults.push('there was no reload')
  }

  /** Their digest. */
  private async settingsInForce(): Promise<string | undefined> {
    return DIGEST.exec(await this.parts.metrics.text())?.[1]
  }

  private token(user: string): Promise<string> {
    return issueToken({ user, role: 'user', ttlSeconds: TTL_SECONDS }, this.parts.place.secret)
  }

  private get elapsedMs(): number {
    return performance.now() - this.startedAtMs
  }
}
