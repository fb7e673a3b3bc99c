/**
 * Clients that are cut off at random and are back two seconds later, while their rooms go on: what each gets of what was
 * said, how often, and how late. Socket.IO 4 with its connection state recovery beside.
 *
 * deliveryMs: from publishing to a client's first receipt, of all deliveries; who is offline gets it when it is back, so
 * the time offline is the floor of the slowest. lost, duplicates and disordered (came after a later one) are deliveries, of
 * all rounds; returns: how often a client came back. The publishers are not cut off.
 */
import { emptyRows, isMissing } from '../contest.js'
import type { ReturningReport } from '../load/returning-crowd.js'
import type { ReturningProgram } from '../load/returning-worker.js'
import { takeTurns } from '../rounds.js'
import { makeRestartable, type RestartableName } from '../restartable.js'
import { percentOf, ratiosOf, spread } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

interface Params {
  readonly clients: number
  readonly rooms: number
  /** Of each room. */
  readonly broadcasts: number
  readonly broadcastEveryMs: number
  /** On the average. */
  readonly cutEveryMs: number
  readonly offlineMs: number
  readonly rounds: number
}

const FULL: Params = {
  clients: 2_000,
  rooms: 20,
  broadcasts: 120,
  broadcastEveryMs: 1_000,
  cutEveryMs: 15_000,
  offlineMs: 2_000,
  rounds: 1,
}
const QUICK: Params = { ...FULL, clients: 400, rooms: 4, broadcasts: 24, broadcastEveryMs: 500, cutEveryMs: 6_000 }
const CONTESTANTS: readonly RestartableName[] = [OURS, 'socket.io']
const CONNECTING_AT_ONCE = 128
/** What has not come by then is lost. */
const STALL_MS = 10_000

export const jitter: Suite = {
  question: 'clients that are cut off every 15 s and back 2 s later: does each get every message once, and how late',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const names = CONTESTANTS.filter((name) => !isMissing(name))
    const turns = await takeTurns(names, params.rounds, (name) => {
      progress(name)
      return play(name, params)
    })
    const rows = turns.map(({ contestant, results }) => rowOf(contestant, results, params))
    const failures = turns.flatMap(({ contestant, results }) => (contestant === OURS ? results.flatMap(faultsIn) : []))
    return {
      params: { ...params },
      rows: [...rows, ...emptyRows(CONTESTANTS, { clients: params.clients })],
      ratios: ratiosOf(rows, ['deliveryMsP50', 'deliveryMsP99'], 'clients'),
      failures,
    }
  },
}

async function play(name: RestartableName, params: Params): Promise<ReturningReport> {
  const { clients, rooms, broadcasts: messages, broadcastEveryMs, cutEveryMs, offlineMs } = params
  const server = await makeRestartable(name, {})
  const worker = new WorkerProcess<ReturningProgram>('returning-worker')
  try {
    await server.start()
    const { dialect, port, secret } = server
    await worker.ask('enter', { dialect, port, secret, clients, rooms, messages, atOnce: CONNECTING_AT_ONCE })
    await worker.ask('beginCuts', { everyMs: cutEveryMs, offlineMs })
    await worker.ask('flow', { everyMs: broadcastEveryMs })
    await worker.ask('endCuts', undefined)
    return await worker.ask('collect', { stallMs: STALL_MS })
  } finally {
    await worker.stop()
    await server.close()
  }
}

function rowOf(name: RestartableName, reports: readonly ReturningReport[], { clients }: Params): Row {
  const total = (figure: 'lost' | 'duplicates' | 'disordered' | 'deliveries' | 'returns' | 'neverReturned'): number =>
    reports.reduce((sum, report) => sum + report[figure], 0)
  const [deliveries, lost] = [total('deliveries'), total('lost')]
  return {
    name,
    clients,
    deliveredPercent: percentOf(deliveries, deliveries + lost),
    duplicates: total('duplicates'),
    disordered: total('disordered'),
    lost,
    neverReturned: total('neverReturned'),
    returns: total('returns'),
    ...spread(reports.map(({ deliveryMsP50, deliveryMsP99 }) => ({ deliveryMsP50, deliveryMsP99 }))),
  }
}

function faultsIn({ lost, duplicates, disordered, neverReturned, unanswered, fault }: ReturningReport): string[] {
  return [
    ...Object.entries({ lost, duplicates, disordered, neverReturned, unanswered })
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${what}: ${count}`),
    ...(fault === undefined ? [] : [fault]),
  ]
}
