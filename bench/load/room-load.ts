/**
 * N members of one room on one server, in worker processes of their own, and a publisher among them.
 *
 *     const load = await RoomLoad.open(target, { members: 1_000 })
 *     await load.broadcast()                                  // one message: time until the last of all has it
 *     await load.burst({ window: 64, durationMs: 1_500 })     // keeps 64 in flight
 *     await load.close()
 *
 * Workers use raw sockets and source addresses of their own, at most 19,000 members a process. Bytes are counted, and
 * for Nestwire the records that DELIVER heads tell of, whose order and completeness are checked for every member; one
 * member decodes everything. `readUsage` of `process-usage.ts` tells of the server's memory and time.
 */
import { WorkerProcess } from '../worker-process.js'
import type { BurstOrder } from './publisher.js'
import type { LoadOrder, RoomLoadProgram } from './room-load-worker.js'

/** The server, or the nodes: which protocol, where, and (Nestwire) what signs their tokens. */
export interface LoadTarget {
  readonly dialect: LoadOrder['dialect']
  readonly port: number
  /** Of the other nodes; members take turns with the nodes. */
  readonly otherPorts?: readonly number[]
  /** Whether the nodes know nothing of each other, so that the publisher tells each. */
  readonly isApart?: boolean
  readonly secret?: string
  /** Whom to trust where the server speaks TLS. */
  readonly ca?: string
}

export interface LoadOptions {
  readonly members: number
  readonly room?: string
  /** How many are between SYN and joined at the same time; 128 unless told. */
  readonly atOnce?: number
}

export interface LoadResult {
  /** From the first publication to the last receipt. */
  readonly elapsedMs: number
  readonly published: number
  readonly refusals: number
  readonly lost: number
  readonly duplicates: number
  readonly fault: string | undefined
}

const MEMBERS_PER_WORKER = 19_000
const CONNECTING_AT_ONCE = 128
const STALL_MS = 10_000
/** What goes to a worker is JSON, which knows no Infinity. */
const ENDLESS = { messages: Number.MAX_SAFE_INTEGER, durationMs: 3_600_000 }
/** Connections that are over hold their ports for a minute: each load has a network of its own. */
let networks = 0

type Worker = WorkerProcess<RoomLoadProgram>

export class RoomLoad {
  /** From the first SYN to the last one joined, of those who came last. */
  joinMs = 0
  private readonly workers: Worker[] = []
  private count = 0
  private readonly network: string

  private constructor(
    private readonly target: LoadTarget,
    private readonly options: LoadOptions,
  ) {
    networks += 1
    this.network = `127.${1 + (process.pid % 200)}.${1 + (networks % 250)}`
  }

  /** Resolves when all are in and what the server has to say about it is through. */
  static async open(target: LoadTarget, options: LoadOptions): Promise<RoomLoad> {
    const load = new RoomLoad(target, options)
    try {
      const share = Math.ceil(options.members / Math.ceil(options.members / MEMBERS_PER_WORKER))
      for (let first = 0; first < options.members; first += share) {
        const worker: Worker = new WorkerProcess('room-load-worker')
        load.workers.push(worker)
        await load.prepare(worker, Math.min(share, options.members - first))
      }
      await load.join()
      return load
    } catch (error) {
      await load.close()
      throw error
    }
  }

  get members(): number {
    return this.count
  }

  /** So many more in the last of the processes. */
  async grow(members: number): Promise<void> {
    const worker = this.workers.at(-1)
    if (worker === undefined) throw new Error('no workers')
    await this.prepare(worker, members)
    await this.join()
  }

  /** One message, closed loop. */
  broadcast(): Promise<LoadResult> {
    return this.burst({ window: 1, messages: 1 })
  }

  /** Ends after `messages` or after `durationMs`, whichever comes first; then everybody is waited for. */
  async burst(order: Partial<BurstOrder> & Pick<BurstOrder, 'window'>): Promise<LoadResult> {
    const [first] = this.workers
    if (first === undefined) throw new Error('no workers')
    await this.begin()
    const whole = { ...ENDLESS, stallMs: STALL_MS, ...order }
    const { startMs, published, refusals } = await first.ask('publish', whole)
    const { lastAtMs, ...mistakes } = await this.collect(published, whole.stallMs)
    return { elapsedMs: lastAtMs - startMs, published, refusals, ...mistakes }
  }

  /** Counts from 0; for messages that somebody else publishes. */
  async begin(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.ask('begin', undefined)))
  }

  /** Waits until every member that reads has `messages`; `lastAtMs` is of `monotonicMs`. */
  async collect(messages: number, stallMs = STALL_MS) {
    const reports = await Promise.all(this.workers.map((worker) => worker.ask('collect', { messages, stallMs })))
    return {
      lastAtMs: Math.max(...reports.map(({ lastAtMs }) => lastAtMs)),
      lost: reports.reduce((sum, { lost }) => sum + lost, 0),
      duplicates: reports.reduce((sum, { duplicates }) => sum + duplicates, 0),
      fault: reports.find(({ fault }) => fault !== undefined)?.fault,
    }
  }

  /** The last `count` members read no more, and are not waited for, until `readOn`. At most one worker's members. */
  async stopReading(count: number): Promise<void> {
    await this.workers.at(-1)?.ask('stopReading', { count })
  }

  async readOn(): Promise<void> {
    await this.workers.at(-1)?.ask('readOn', undefined)
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()))
  }

  private async prepare(worker: Worker, members: number): Promise<void> {
    const { room = 'room' } = this.options
    const { dialect, port, otherPorts = [], isApart = false, secret = '', ca = '' } = this.target
    const { network, count: first } = this
    const ports = [port, ...otherPorts]
    await worker.ask('prepare', { dialect, ports, isApart, secret, ca, room, first, members, network })
    this.count += members
  }

  private async join(): Promise<void> {
    const { atOnce = CONNECTING_AT_ONCE } = this.options
    const reports = await Promise.all(this.workers.map((worker) => worker.ask('join', { atOnce })))
    await Promise.all(this.workers.map((worker) => worker.ask('settle', undefined)))
    const startMs = Math.min(...reports.map((report) => report.startMs))
    this.joinMs = Math.max(...reports.map(({ lastAtMs }) => lastAtMs)) - startMs
  }
}
