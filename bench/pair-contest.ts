/** Two people in a room, once on a server with the log on disk and once with it in memory: what the disk costs a message. */
import { SERVER_SETTINGS } from './contest.js'
import type { RoomPairProgram } from './load/room-pair.js'
import { interleave } from './rounds.js'
import { startServer, type ServerProcess } from './server-process.js'
import { spread } from './statistics.js'
import { OURS, type Row } from './suite.js'
import { WorkerProcess } from './worker-process.js'

export interface PairParams {
  readonly messagesPerSecond: readonly number[]
  readonly rounds: number
  readonly roundMs: number
}

interface Pair {
  readonly name: string
  readonly server: ServerProcess
  readonly worker: WorkerProcess<RoomPairProgram>
}

export interface PairOutcome {
  readonly rows: readonly Row[]
  /** Whether all the processes that take the times do. */
  readonly runsBeforeOthers: boolean
}

/** Rows of our server with each engine at each rate; the one in memory is the rival `memory`. */
export async function measurePairs({ messagesPerSecond, rounds, roundMs }: PairParams): Promise<PairOutcome> {
  const pairs: Pair[] = []
  const rows: Row[] = []
  try {
    for (const [name, engine] of [
      [OURS, 'lmdb'],
      ['memory', 'memory'],
    ] as const)
      pairs.push(await meet(name, engine))
    for (const rate of messagesPerSecond) {
      const turns = await interleave(pairs, rounds, ({ worker }) => talk(worker, rate, roundMs))
      for (const { contestant, results } of turns) {
        rows.push({ name: contestant.name, messagesPerSecond: rate, ...spread(results) })
      }
    }
    const eager = await Promise.all(pairs.map(({ worker }) => worker.ask('runsBeforeOthers', undefined)))
    return { rows, runsBeforeOthers: eager.every(Boolean) }
  } finally {
    await Promise.all(pairs.map(({ worker, server }) => worker.stop().then(() => server.close())))
  }
}

async function meet(name: string, engine: string): Promise<Pair> {
  const server = await startServer({ ...SERVER_SETTINGS, NESTWIRE_LOG_ENGINE: engine })
  const worker = new WorkerProcess<RoomPairProgram>('room-pair')
  await worker.ask('join', { port: server.port, secret: server.secret })
  return { name, server, worker }
}

async function talk(worker: Pair['worker'], perSecond: number, durationMs: number) {
  const { ackMsP50, ackMsP99, deliverMsP50, deliverMsP99 } = await worker.ask('exchange', { perSecond, durationMs })
  return {
    sendAckMsP50: ackMsP50,
    sendAckMsP99: ackMsP99,
    sendDeliverMsP50: deliverMsP50,
    sendDeliverMsP99: deliverMsP99,
  }
}
