/**
 * One message to a whole room, closed loop: the next is published when everybody has the one before.
 *
 * toLastMs: from publishing to the last member's receipt; P50 and Max are of one round, their medians are quoted.
 * cpuPercent: the server's processor time while broadcasts are under way, of one core. rssPeakMb: the most that the
 * server had so far, connecting included.
 */
import { emptyRows, SERVER_SETTINGS, withContestants, type Contestant, type ContestantName } from '../contest.js'
import { mistakeIn, turnRow, type Turn } from '../contest-turns.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { readCpuUs } from '../load/process-cpu.js'
import { readUsage } from '../process-usage.js'
import { rivalNames } from '../rivals/rivals.js'
import { interleave } from '../rounds.js'
import { percentile, ratiosOf } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

interface Params {
  readonly members: readonly number[]
  readonly contestants: readonly ContestantName[]
  readonly rounds: number
  readonly broadcasts: number
}

const FULL: Params = {
  members: [10, 100, 1_000, 5_000, 10_000, 18_000],
  contestants: [OURS, ...rivalNames],
  rounds: 5,
  broadcasts: 20,
}
const QUICK: Params = {
  members: [100, 1_000],
  contestants: [OURS, 'c-floor', 'nats', 'ws'],
  rounds: 3,
  broadcasts: 20,
}

const FIGURES = ['toLastMsP50', 'toLastMsMax', 'cpuPercent', 'rssPeakMb'] as const
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>

export const fanout: Suite = {
  question: '1 message to 10 … 18,000 members: time until the last has it, beside every rival',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rows: Row[] = []
    const failures: string[] = []
    for (const members of params.members) {
      progress(`${members} members`)
      await withContestants(params.contestants, { members }, async (contestants) => {
        const turns = await interleave(contestants, params.rounds, (each) => broadcastAll(each, params.broadcasts))
        for (const { contestant, results } of turns) {
          rows.push(turnRow(contestant.name, { members }, { turns: results, failures }))
        }
      })
      rows.push(...emptyRows(params.contestants, { members }))
    }
    const ratios = ratiosOf(rows, FIGURES, 'members')
    return { params: { ...params, messageBytes: MESSAGE_BYTES, settings: SERVER_SETTINGS }, rows, ratios, failures }
  },
}

async function broadcastAll({ server, load }: Contestant, broadcasts: number): Promise<Turn<Figures>> {
  const toLastMs: number[] = []
  const startCpuUs = readCpuUs(server.pid)
  while (toLastMs.length < broadcasts) {
    const result = await load.broadcast()
    const mistake = mistakeIn(result)
    if (mistake !== undefined) return { mistake }
    toLastMs.push(result.elapsedMs)
  }
  const cpuMs = (readCpuUs(server.pid) - startCpuUs) / 1_000
  const figures = {
    toLastMsP50: percentile(toLastMs, 0.5),
    toLastMsMax: Math.max(...toLastMs),
    cpuPercent: (100 * cpuMs) / toLastMs.reduce((sum, ms) => sum + ms, 0),
    rssPeakMb: readUsage(server.pid).peakRssKb / 1_024,
  }
  return { figures }
}
