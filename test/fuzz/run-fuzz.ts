/**
 * Sessions of a generator against the port of a real server, a few at a time, beside an honest pair that chats: the
 * process lives, says nothing unreadable or unknown, fails at nothing, and holds nothing afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerPlace, type ServerRun } from '../../bench/server-process.js'
import { WorkerProcess } from '../../bench/worker-process.js'
import { issueToken } from '../../src/auth/token-issuer.js'
import { CloseCode } from '../../src/protocol/close-codes.js'
import type { CrowdFigures, CrowdProgram } from '../hostile/crowd-worker.js'
import { Intruder } from '../hostile/intruder.js'
import { readHolds, type ProcessHolds } from '../hostile/process-watch.js'
import { Tally } from '../hostile/tally.js'
import { Random } from '../torture/random.js'
import type { FuzzMaterial } from './fuzz-packets.js'
import { makeScript, type FuzzStep } from './fuzz-script.js'

export interface FuzzOptions {
  /** A u32. */
  readonly seed: number
  readonly durationMs: number
  /** Only the session of this seed, once. */
  readonly session?: number
  readonly main?: string
  readonly crowdWorker?: URL
  readonly progress?: (line: string) => void
}

export interface FuzzReport {
  readonly seed: number
  readonly seconds: number
  readonly sessions: number
  readonly bytes: number
  readonly told: string
  readonly honest: CrowdFigures
  /** After the first sessions, and when all were gone. */
  readonly before: ProcessHolds
  readonly after: ProcessHolds
  readonly faults: readonly string[]
}

const AT_ONCE = 16
const SETTINGS = {
  NESTWIRE_LOG_LEVEL: 'fatal',
  NESTWIRE_HANDSHAKE_TIMEOUT_MS: '2000',
  NESTWIRE_HALF_FRAME_TIMEOUT_MS: '2000',
  // Three users come in again and again: so often that they would be sent away, and reach nothing.
  NESTWIRE_LOGINS_PER_USER_PER_MINUTE: '10000000',
  NESTWIRE_ROOMS_PER_USER_PER_MINUTE: '10000000',
}
const HONEST = { room: 'the honest', messagesPerSecond: 20 } as const
const TTL_SECONDS = 36_000
/** So long the first sessions run before memory is looked at: code is compiled and buffers are there by then. */
const WARM_UP_PART = 0.25
/** For sockets to be gone, and for the collector to have had its turn. */
const SETTLE_MS = 4_000
const MORE_MEMORY_MB = 80
const MORE_HANDLES = 4
const CROWD_WORKER = new URL('../hostile/crowd-worker.js', import.meta.url)
const closeNames: ReadonlySet<string> = new Set(Object.keys(CloseCode))

export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { main, crowdWorker = CROWD_WORKER } = options
  const place = await ServerPlace.make({ ...(main === undefined ? {} : { main }), settings: SETTINGS, port: 0 })
  const crowd = new WorkerProcess<CrowdProgram>(crowdWorker)
  try {
    const server = place.run()
    return await new Fuzz({ options, secret: place.secret, server, port: await server.listening, crowd }).run()
  } finally {
    await crowd.stop()
    await place.close()
  }
}

interface FuzzParts {
  readonly options: FuzzOptions
  readonly secret: string
  readonly server: ServerRun
  readonly port: number
  readonly crowd: WorkerProcess<CrowdProgram>
}

class Fuzz {
  private readonly startedAtMs = performance.now()
  private readonly tally = new Tally()
  private readonly faults: string[] = []
  private readonly random: Random
  private sessions = 0
  private bytes = 0
  private hasServerEnded = false
  private before: ProcessHolds | undefined

  constructor(private readonly parts: FuzzParts) {
    this.random = new Random(parts.options.seed)
    void parts.server.ended.then(() => (this.hasServerEnded = true))
  }

  async run(): Promise<FuzzReport> {
    const { options, server, port, crowd } = this.parts
    const tokens = await Promise.all(['honest-1', 'honest-2'].map((user) => this.token(user)))
    await crowd.ask('enter', { port, tokens, ...HONEST })
    const material = await this.material()
    if (options.session === undefined) await Promise.all(Array.from({ length: AT_ONCE }, () => this.keepOn(material)))
    else await this.play(options.session, material)
    const honest = await crowd.ask('figures', undefined)
    await sleep(SETTLE_MS)
    if (this.hasServerEnded) throw new Error(`the server has ended: ${this.faults.join(', ')}`)
    const after = readHolds(server.pid)
    const before = this.before ?? after
    this.judge(honest, { before, after })
    return {
      seed: options.seed,
      seconds: Math.round((performance.now() - this.startedAtMs) / 1_000),
      sessions: this.sessions,
      bytes: this.bytes,
      told: this.tally.describe(),
      honest,
      before,
      after,
      faults: this.faults,
    }
  }

  private async keepOn(material: FuzzMaterial): Promise<void> {
    const { durationMs, progress } = this.parts.options
    for (;;) {
      const spentMs = performance.now() - this.startedAtMs
      if (spentMs > durationMs || this.hasServerEnded || this.faults.length > 20) return
      if (spentMs > durationMs * WARM_UP_PART) this.before ??= readHolds(this.parts.server.pid)
      await this.play(this.random.whole(0, 2 ** 32 - 1), material)
      if (this.sessions % 1_000 === 0) progress?.(`${this.sessions} sessions, ${this.tally.describe()}`)
    }
  }

  private async play(seed: number, material: FuzzMaterial): Promise<void> {
    const tally = new Tally()
    const intruder = new Intruder({ port: this.parts.port, address: '127.0.0.1', tally })
    await intruder.opened()
    for (const step of makeScript(seed, material)) await this.perform(step, intruder)
    intruder.reset()
    this.sessions += 1
    this.tally.addAll(tally)
    for (const wrong of wrongsIn(tally)) this.faults.push(`session ${seed}: ${wrong}`)
    if (this.hasServerEnded) this.faults.push(`the server ended in session ${seed} or one beside it`)
  }

  private async perform(step: FuzzStep, intruder: Intruder): Promise<void> {
    if (step.kind === 'wait') return sleep(step.ms)
    if (step.kind !== 'send') return intruder[step.kind]()
    this.bytes += step.bytes.length
    intruder.sendBytes(step.bytes)
  }

  private judge(honest: CrowdFigures, { before, after }: Pick<FuzzReport, 'before' | 'after'>): void {
    const { receipts, mistakes, refused, interruptions } = honest
    if (receipts === 0 || mistakes + refused + interruptions > 0)
      this.faults.push(`the honest: ${JSON.stringify(honest)}`)
    if (after.memoryMb > before.memoryMb + MORE_MEMORY_MB) this.faults.push(`${after.memoryMb.toFixed()} MB are held`)
    if (after.handles > before.handles + MORE_HANDLES) this.faults.push(`${after.handles} handles are open`)
  }

  private token(user: string, role: 'user' | 'admin' = 'user'): Promise<string> {
    return issueToken({ user, role, ttlSeconds: TTL_SECONDS }, this.parts.secret)
  }

  /** Tokens of a few users and of one who may do more; tickets as good as what they were made of. */
  private async material(): Promise<FuzzMaterial> {
    const { port } = this.parts
    const [first, second, admin] = [
      await this.token('fuzzer-0'),
      await this.token('fuzzer-1'),
      await this.token('fuzzer-2', 'admin'),
    ]
    const intruder = new Intruder({ port, address: '127.0.0.1', tally: new Tally() })
    await intruder.opened()
    await intruder.greet(1)
    const granted = await intruder.ask((correlation) => ({ kind: 'auth', correlation, redirects: 0, token: first }))
    intruder.reset()
    const ticket = granted?.kind === 'authOk' ? granted.ticket : Buffer.alloc(0)
    return { tokens: [first, second, admin], tickets: [ticket, Buffer.alloc(120, 7)] }
  }
}

function wrongsIn(tally: Tally): readonly string[] {
  const unknown = [...tally.closes.keys()].filter((name) => !closeNames.has(name))
  return [
    ...tally.misread.map((error) => `unreadable: ${error}`),
    ...unknown.map((code) => `CLOSE with unknown code ${code}`),
    ...(tally.closedWith('InternalError') > 0 ? ['CLOSE InternalError'] : []),
    ...(tally.refusedWith('INTERNAL') > 0 ? ['ERROR INTERNAL'] : []),
  ]
}
