/**
 * A drain while 1,000 messages a second flow at 5,000 connections: does the process end in order and in time, was
 * everybody told, and is every acknowledged message with everybody afterwards. Nobody else offers this to compare with.
 *
 * drainMs: from SIGTERM to the end of the process; endedWithoutNotice: connections that were closed without a GOAWAY;
 * unanswered: publications that were never acknowledged. The other figures are those of `avalanche`.
 */
import { restartFailures, restartRow, runRestart, type RestartParams } from '../restart-run.js'
import { takeTurns } from '../rounds.js'
import { OURS, type Suite } from '../suite.js'

const FULL: RestartParams & { readonly rounds: number } = {
  clients: 4_500,
  rooms: 500,
  messagesPerSecond: 1_000,
  flowMs: 10_000,
  rounds: 3,
}
const QUICK: typeof FULL = { ...FULL, clients: 900, rooms: 100, messagesPerSecond: 500, flowMs: 3_000, rounds: 1 }
/** The default of NESTWIRE_DRAIN_TIMEOUT_MS. */
const DRAIN_DEADLINE_MS = 25_000

export const rolling: Suite = {
  question: 'a drain while 1,000 messages a second flow at 5,000 connections: exit code, notices, and nothing missing',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const { clients, rooms, rounds } = params
    // Each room has its publisher besides.
    const connections = clients + rooms
    const turns = await takeTurns([OURS] as const, rounds, (name) => {
      progress(`${connections} connections`)
      return runRestart(name, params)
    })
    const results = turns.flatMap((turn) => turn.results)
    const late = results.filter(({ drainMs }) => drainMs > DRAIN_DEADLINE_MS)
    return {
      params: { ...params },
      rows: [restartRow(OURS, results, { connections })],
      ratios: {},
      failures: [...restartFailures(results), ...late.map(({ drainMs }) => `the drain took ${drainMs} ms`)],
    }
  },
}
