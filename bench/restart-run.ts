/** One restart under load: clients in rooms, messages that go on, SIGTERM, the same place again, and everybody back. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ReturningReport } from './load/returning-crowd.js'
import type { ReturningProgram } from './load/returning-worker.js'
import { LoopDelayWatch } from './loop-delay-watch.js'
import { makeRestartable, type Ending, type Restartable, type RestartableName } from './restartable.js'
import { percentOf, spread } from './statistics.js'
import type { Row } from './suite.js'
import { WorkerProcess } from './worker-process.js'

export interface RestartParams {
  readonly clients: number
  readonly rooms: number
  /** Over all rooms, before, during and after the restart. */
  readonly messagesPerSecond: number
  /** How long messages flow before SIGTERM, and after the server listens again. */
  readonly flowMs: number
}

export interface RestartResult extends ReturningReport, Ending {
  /** From SIGTERM until the server listens again. */
  readonly downMs: number
  /** The longest that its event loop was late since then. */
  readonly loopStallMsMax: number
}

const MISTAKES = ['lost', 'duplicates', 'neverReturned', 'unanswered', 'endedWithoutNotice'] as const
type Mistake = (typeof MISTAKES)[number]

const CONNECTING_AT_ONCE = 128
/** Whoever is not back by then, with nothing moving, never returns. */
const STALL_MS = 40_000
/** More than the flow can publish in one room. */
const MAX_MESSAGES_PER_ROOM = 1_024

export async function runRestart(name: RestartableName, params: RestartParams): Promise<RestartResult> {
  const watch = new LoopDelayWatch()
  const server = await makeRestartable(name, watch.settings)
  const worker = new WorkerProcess<ReturningProgram>('returning-worker')
  try {
    await server.start()
    return await restart({ server, worker, watch }, params)
  } finally {
    await worker.stop()
    await server.close()
    watch.close()
  }
}

interface Parts {
  readonly server: Restartable
  readonly worker: WorkerProcess<ReturningProgram>
  readonly watch: LoopDelayWatch
}

async function restart({ server, worker, watch }: Parts, params: RestartParams): Promise<RestartResult> {
  const { clients, rooms, messagesPerSecond, flowMs } = params
  const { dialect, port, secret } = server
  const order = { dialect, port, secret, clients, rooms, messages: MAX_MESSAGES_PER_ROOM }
  await worker.ask('enter', { ...order, atOnce: CONNECTING_AT_ONCE })
  await worker.ask('beginFlow', { everyMs: (rooms * 1_000) / messagesPerSecond })
  await sleep(flowMs)
  const startMs = performance.now()
  const ending = await server.end()
  const pid = await server.start()
  const downMs = performance.now() - startMs
  await watch.takeMaxMs(pid)
  await sleep(flowMs)
  await worker.ask('endFlow', undefined)
  const report = await worker.ask('collect', { stallMs: STALL_MS })
  return { ...report, ...ending, downMs, loopStallMsMax: await watch.takeMaxMs(pid) }
}

/** Counts of all rounds; times with their spread. */
export function restartRow(
  name: RestartableName,
  results: readonly RestartResult[],
  params: Readonly<Record<string, number>>,
): Row {
  const total = (figure: Mistake | 'deliveries' | 'returns'): number =>
    results.reduce((sum, result) => sum + result[figure], 0)
  const times = results.map(({ returnMsP50, returnMsP95, returnMsMax, loopStallMsMax, drainMs, downMs }) => ({
    returnMsP50,
    returnMsP95,
    returnMsMax,
    loopStallMsMax,
    drainMs,
    downMs,
  }))
  const deliveries = total('deliveries')
  return {
    name,
    ...params,
    deliveredPercent: percentOf(deliveries, deliveries + total('lost')),
    ...Object.fromEntries(MISTAKES.map((mistake) => [mistake, total(mistake)])),
    returns: total('returns'),
    ...spread(times),
  }
}

/** What must not have happened to us. */
export function restartFailures(results: readonly RestartResult[]): string[] {
  return results.flatMap((result) => [
    ...MISTAKES.filter((mistake) => result[mistake] > 0).map((mistake) => `${mistake}: ${result[mistake]}`),
    ...(result.exitCode === 0 ? [] : [`exit code ${result.exitCode}`]),
    ...(result.fault === undefined ? [] : [result.fault]),
  ])
}
