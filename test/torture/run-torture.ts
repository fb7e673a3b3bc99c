/**
 * The server is killed again and again while clients send, read, resume and stay away; the checker judges what they wrote
 * down after each restart, and all of it at the end. Chance comes from the seed; what the machine makes of it does not.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import { freePort } from '../../bench/free-port.js'
import { ServerPlace, type ServerRun } from '../../bench/server-process.js'
import { JudgedCrowd } from './judged-crowd.js'
import { Random, type Span } from './random.js'
import { roomsNamed } from './room-names.js'
import { Seeds } from './seeds.js'
import type { Tally } from './tally.js'
import { QUIET, TortureClient, type Habits } from './torture-client.js'
import type { Violation } from './violation.js'

export interface TortureOptions {
  /** A u32. */
  readonly seed: number
  /** No more deaths than these, nor later than that. */
  readonly kills: number
  readonly durationMs: number
  /** The compiled `main.js` of the server, if it is not the one beside this. */
  readonly main?: string
  readonly progress?: (line: string) => void
}

export interface TortureReport {
  readonly seed: number
  readonly seconds: number
  readonly clients: number
  readonly rooms: number
  readonly kills: number
  /** Of those, before the server listened again. */
  readonly killsDuringStart: number
  /** And after SIGTERM, before it had ended. */
  readonly killsDuringDrain: number
  /** From the start of the process until it listens. */
  readonly restartMsMax: number
  readonly figures: Tally
  readonly violations: readonly Violation[]
}

const HISTORY_MAX_RECORDS = 500
const SETTINGS = {
  NESTWIRE_LOG_ENGINE: 'lmdb',
  NESTWIRE_HISTORY_MAX_RECORDS: String(HISTORY_MAX_RECORDS),
  NESTWIRE_LOG_LEVEL: 'error',
} as const

const ROOMS = roomsNamed('torture-a', 'torture-b', 'torture-c')
const HABITS: Readonly<Record<string, Habits>> = {
  'sender-1': { ...QUIET, sends: true },
  'sender-2': { ...QUIET, sends: true, cuts: true },
  'sender-3': { ...QUIET, sends: true, cuts: true, dozes: true },
  'sender-4': { ...QUIET, sends: true, dozes: true },
  'reader-1': QUIET,
  'reader-2': { ...QUIET, cuts: true },
  'reader-3': { ...QUIET, cuts: true, dozes: true },
  'reader-4': { ...QUIET, cuts: true, sleeps: true },
}

const TOKEN_TTL_SECONDS = 36_000
const UPTIME_MS: Span = [50, 3_500]
const START_MS: Span = [0, 1_000]
const DRAIN_MS: Span = [0, 100]
const KILL_DURING_START = 0.15
const KILL_DURING_DRAIN = 0.1
/** More of them say nothing new. */
const MAX_VIOLATIONS = 50

export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const port = await freePort()
  const { main } = options
  const place = await ServerPlace.make({ ...(main === undefined ? {} : { main }), settings: SETTINGS, port })
  const torture = new Torture(options, place, port)
  try {
    return await torture.run()
  } finally {
    torture.stop()
    await place.close()
  }
}

class Torture {
  private readonly startedAtMs = performance.now()
  private readonly random: Random
  private crowd: JudgedCrowd | undefined
  private kills = 0
  private killsDuringStart = 0
  private killsDuringDrain = 0
  private restartMsMax = 0

  constructor(
    private readonly options: TortureOptions,
    private readonly place: ServerPlace,
    private readonly port: number,
  ) {
    this.random = new Random(options.seed)
  }

  async run(): Promise<TortureReport> {
    let server = this.place.run()
    await server.listening
    const participants = await this.startClients()
    const crowd = new JudgedCrowd({ rooms: ROOMS, historyMaxRecords: HISTORY_MAX_RECORDS, participants })
    this.crowd = crowd
    while (this.goesOn(crowd)) {
      await this.kill(server)
      server = this.place.run()
      this.look(crowd)
    }
    await server.listening
    await crowd.end(this.port, await this.token('auditor'))
    const { seed } = this.options
    const { kills, killsDuringStart, killsDuringDrain, restartMsMax } = this
    return {
      seed,
      seconds: Math.round((performance.now() - this.startedAtMs) / 1000),
      clients: participants.length,
      rooms: ROOMS.length,
      kills,
      killsDuringStart,
      killsDuringDrain,
      restartMsMax: Math.round(restartMsMax),
      figures: crowd.figures,
      violations: crowd.violations.slice(0, MAX_VIOLATIONS),
    }
  }

  stop(): void {
    this.crowd?.stop()
  }

  private startClients(): Promise<TortureClient[]> {
    const { port } = this
    const start = async ([user, habits]: [string, Habits]): Promise<TortureClient> => {
      const random = this.random.fork()
      const seeds = new Seeds([port])
      return new TortureClient({ user, seeds, token: await this.token(user), rooms: ROOMS, random, habits })
    }
    return Promise.all(Object.entries(HABITS).map(start))
  }

  private token(user: string): Promise<string> {
    return issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, this.place.secret)
  }

  private goesOn(crowd: JudgedCrowd): boolean {
    const { kills, durationMs } = this.options
    if (crowd.violations.length > MAX_VIOLATIONS) return false
    return this.kills < kills && performance.now() - this.startedAtMs < durationMs
  }

  private async kill(server: ServerRun): Promise<void> {
    const startedAtMs = performance.now()
    const isStarting = this.kills > 0 && this.random.chance(KILL_DURING_START)
    const isDraining = !isStarting && this.random.chance(KILL_DURING_DRAIN)
    if (isStarting) await sleep(this.random.within(START_MS))
    else {
      await server.listening
      if (this.kills > 0) this.restartMsMax = Math.max(this.restartMsMax, performance.now() - startedAtMs)
      await sleep(this.random.within(UPTIME_MS))
    }
    if (isDraining) {
      server.signal('SIGTERM')
      await sleep(this.random.within(DRAIN_MS))
    }
    server.signal('SIGKILL')
    // It may have been quicker.
    if ((await server.ended) !== null) return
    this.kills += 1
    if (isStarting) this.killsDuringStart += 1
    if (isDraining) this.killsDuringDrain += 1
  }

  private look(crowd: JudgedCrowd): void {
    crowd.look()
    const { violations, figures } = crowd
    const { acknowledged, deliveries } = figures
    const far = `${acknowledged} acknowledged, ${deliveries} delivered, ${violations.length} violations`
    this.options.progress?.(`kill ${this.kills}: ${far}`)
  }
}
