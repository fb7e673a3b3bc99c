/**
 * The server is killed again and again while clients send, read, resume and stay away; the checker judges what they wrote
 * down after each restart, and all of it at the end. Chance comes from the seed; what the machine makes of it does not.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { issueToken } from '../../src/auth/token-issuer.js'
import { parseRoomId, type RoomId } from '../../src/protocol/ids.js'
import { portToComeBackTo, ServerPlace, type ServerRun } from '../../bench/server-process.js'
import { audit } from './audit.js'
import { Checker } from './checker.js'
import type { Journal } from './journal.js'
import { Random, type Span } from './random.js'
import { count, newTally, type Tally } from './tally.js'
import { TortureClient, type Habits } from './torture-client.js'
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

const ROOMS = ['torture-a', 'torture-b', 'torture-c']
const QUIET: Habits = { sends: false, cuts: false, dozes: false, sleeps: false }
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
const SETTLE_TIMEOUT_MS = 60_000
/** More of them say nothing new. */
const MAX_VIOLATIONS = 50

export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const port = await portToComeBackTo()
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
  private readonly rooms: readonly [RoomId, ...RoomId[]]
  private readonly checker = new Checker({ historyMaxRecords: HISTORY_MAX_RECORDS })
  private readonly figures = newTally()
  private clients: readonly TortureClient[] = []
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
    const [first, ...more] = ROOMS.map(roomNamed)
    if (first === undefined) throw new Error('no rooms')
    this.rooms = [first, ...more]
  }

  async run(): Promise<TortureReport> {
    let server = this.place.run()
    await server.listening
    this.clients = await this.startClients()
    while (this.goesOn()) {
      await this.kill(server)
      server = this.place.run()
      this.look()
    }
    await server.listening
    await this.end()
    const { seed } = this.options
    const { kills, killsDuringStart, killsDuringDrain, restartMsMax, figures, checker } = this
    return {
      seed,
      seconds: Math.round((performance.now() - this.startedAtMs) / 1000),
      clients: this.clients.length,
      rooms: this.rooms.length,
      kills,
      killsDuringStart,
      killsDuringDrain,
      restartMsMax: Math.round(restartMsMax),
      figures,
      violations: checker.violations.slice(0, MAX_VIOLATIONS),
    }
  }

  stop(): void {
    for (const client of this.clients) client.stop()
  }

  private startClients(): Promise<TortureClient[]> {
    const { port, rooms } = this
    const start = async ([user, habits]: [string, Habits]): Promise<TortureClient> => {
      const random = this.random.fork()
      return new TortureClient({ user, port, token: await this.token(user), rooms, random, habits })
    }
    return Promise.all(Object.entries(HABITS).map(start))
  }

  private token(user: string): Promise<string> {
    return issueToken({ user, role: 'user', ttlSeconds: TOKEN_TTL_SECONDS }, this.place.secret)
  }

  private goesOn(): boolean {
    const { kills, durationMs } = this.options
    if (this.checker.violations.length > MAX_VIOLATIONS) return false
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

  private look(): void {
    this.accept(new Map(this.clients.map((client) => [client.user, client.takeJournal()])))
    this.checker.review()
    const { acknowledged, deliveries } = this.figures
    const { violations } = this.checker
    const far = `${acknowledged} acknowledged, ${deliveries} delivered, ${violations.length} violations`
    this.options.progress?.(`kill ${this.kills}: ${far}`)
  }

  /** Everybody gets its answers and comes to the end of each room. */
  private async end(): Promise<void> {
    for (const client of this.clients) client.rest()
    await until(() => this.clients.every((client) => client.isAnswered))
    const { heads, journal } = await audit({ port: this.port, token: await this.token('auditor'), rooms: this.rooms })
    const isThere = (client: TortureClient): boolean =>
      [...heads].every(([room, head]) => client.positionIn(room) === head)
    await until(() => this.clients.every(isThere))
    this.look()
    this.accept(new Map([['auditor', journal]]))
    this.checker.finish({ heads, readers: this.clients.map(({ user }) => user) })
  }

  private accept(journals: ReadonlyMap<string, Journal>): void {
    for (const journal of journals.values()) count(this.figures, journal)
    this.checker.accept(journals)
  }
}

/** Or for so long that the checker must say what is missing. */
async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS
  while (!isSo() && performance.now() < deadlineMs) await sleep(50)
}

function roomNamed(name: string): RoomId {
  const room = parseRoomId(name)
  if (room === undefined) throw new Error(`${name} is no room's name`)
  return room
}
