/**
 * SIGTERM and a restart in the same place under 10,000 connected clients, while their rooms go on: who comes back, when,
 * and what is missing. Ours keep the slot that GOAWAY gave them and come back with full jitter when they find nobody; those of
 * Socket.IO, with its connection state recovery, do as its own client does.
 *
 * returnMs: from the end of a client's connection until it hears its room again; downMs: from SIGTERM until the server
 * listens again; drainMs: the first part of it. loopStallMsMax: the longest that the event loop was late from then on.
 * lost, duplicates, neverReturned: of all rounds. Publishers lose their connection, too: what they have to say waits.
 */
import { emptyRows, isMissing } from '../contest.js'
import type { RestartableName } from '../restartable.js'
import { restartFailures, restartRow, runRestart, type RestartParams } from '../restart-run.js'
import { takeTurns } from '../rounds.js'
import { ratiosOf } from '../statistics.js'
import { OURS, type Suite } from '../suite.js'

const FULL: RestartParams & { readonly rounds: number } = {
  clients: 10_000,
  rooms: 100,
  messagesPerSecond: 50,
  flowMs: 5_000,
  rounds: 3,
}
const QUICK: typeof FULL = { ...FULL, clients: 1_000, rooms: 10, messagesPerSecond: 20, flowMs: 2_000, rounds: 1 }
const CONTESTANTS: readonly RestartableName[] = [OURS, 'socket.io']

export const avalanche: Suite = {
  question: 'a restart under 10,000 clients: is everybody back, with everything, how soon, and does the loop keep pace',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const { clients, rounds } = params
    const names = CONTESTANTS.filter((name) => !isMissing(name))
    const turns = await takeTurns(names, rounds, (name) => {
      progress(name)
      return runRestart(name, params)
    })
    const rows = turns.map(({ contestant, results }) => restartRow(contestant, results, { clients }))
    return {
      params: { ...params },
      rows: [...rows, ...emptyRows(CONTESTANTS, { clients })],
      ratios: ratiosOf(rows, ['returnMsP50', 'returnMsP95', 'returnMsMax', 'loopStallMsMax'], 'clients'),
      failures: turns.flatMap(({ contestant, results }) => (contestant === OURS ? restartFailures(results) : [])),
    }
  },
}
