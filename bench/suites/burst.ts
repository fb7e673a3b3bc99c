/**
 * A publisher that keeps messages in flight in a room of 1,000: what the server delivers in a second. Every member must
 * get every message; a server that loses one has no figure.
 */
import { emptyRows, SERVER_SETTINGS, withContestants, type Contestant, type ContestantName } from '../contest.js'
import { mistakeIn, turnRow, type Turn } from '../contest-turns.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { readCpuUs } from '../load/process-cpu.js'
import { rivalNames } from '../rivals/rivals.js'
import { interleave } from '../rounds.js'
import { ratiosOf } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

interface Params {
  readonly members: number
  readonly inFlight: readonly number[]
  readonly contestants: readonly ContestantName[]
  readonly rounds: number
  /** How long the publisher goes on. */
  readonly roundMs: number
}

const FULL: Params = {
  members: 1_000,
  inFlight: [64, 512],
  contestants: [OURS, ...rivalNames],
  rounds: 7,
  roundMs: 2_000,
}
const QUICK: Params = { ...FULL, contestants: [OURS, 'nats', 'ws'], rounds: 3, roundMs: 400 }

const FIGURES = ['deliveriesPerSecond', 'cpuPercent'] as const
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>

export const burst: Suite = {
  question: 'deliveries/s to 1,000 members with 64 and 512 messages in flight, beside every rival',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rows: Row[] = []
    const failures: string[] = []
    const { members, rounds, roundMs } = params
    await withContestants(params.contestants, { members }, async (contestants) => {
      for (const inFlight of params.inFlight) {
        progress(`${inFlight} in flight`)
        const turns = await interleave(contestants, rounds, (each) => keepInFlight(each, inFlight, roundMs))
        for (const { contestant, results } of turns) {
          rows.push(turnRow(contestant.name, { inFlight }, { turns: results, failures }))
        }
        rows.push(...emptyRows(params.contestants, { inFlight }))
      }
    })
    const ratios = ratiosOf(rows, FIGURES, 'inFlight')
    return { params: { ...params, messageBytes: MESSAGE_BYTES, settings: SERVER_SETTINGS }, rows, ratios, failures }
  },
}

/** Who lost a message is not asked again: what is left of it would be counted in a later turn. */
const losers = new WeakMap<Contestant, string>()

async function keepInFlight(contestant: Contestant, window: number, durationMs: number): Promise<Turn<Figures>> {
  const { server, load } = contestant
  const earlier = losers.get(contestant)
  if (earlier !== undefined) return { mistake: earlier }
  const startCpuUs = readCpuUs(server.pid)
  const result = await load.burst({ window, durationMs, stallMs: 3_000 })
  const mistake = mistakeIn(result)
  if (mistake !== undefined) {
    losers.set(contestant, mistake)
    return { mistake }
  }
  const cpuMs = (readCpuUs(server.pid) - startCpuUs) / 1_000
  const figures = {
    deliveriesPerSecond: (load.members * result.published * 1_000) / result.elapsedMs,
    cpuPercent: (100 * cpuMs) / result.elapsedMs,
  }
  return { figures }
}
