/**
 * What a connection costs in memory, authenticated and in a room where it applies, and what a burst takes besides.
 *
 * kbPerConnection: (RSS at 10,000 − RSS at 1,000) / 9,000; nothing was said in the room yet, no collection is forced.
 * The kernel's own share is not told: what Linux counts are pages of buffers in use, and idle sockets have none.
 * rssPeakMb: the most the server ever had, after a burst to all. `naive` is the same Nest stack with an encode, a write and
 * an array queue for each member.
 */
import {
  emptyRows,
  isMissing,
  SERVER_SETTINGS,
  startContestant,
  type ContestantName,
  type RunningServer,
} from '../contest.js'
import { mistakeIn, turnRow, type Turn } from '../contest-turns.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { RoomLoad } from '../load/room-load.js'
import { readUsage } from '../process-usage.js'
import { rivalNames } from '../rivals/rivals.js'
import { takeTurns } from '../rounds.js'
import { ratiosOf } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

interface Params {
  readonly base: number
  readonly members: number
  readonly contestants: readonly ContestantName[]
  readonly rounds: number
  readonly messages: number
  readonly inFlight: number
}

const FULL: Params = {
  base: 1_000,
  members: 10_000,
  contestants: [OURS, 'naive', ...rivalNames],
  rounds: 3,
  messages: 128,
  inFlight: 64,
}
const QUICK: Params = { ...FULL, base: 200, members: 2_000, contestants: [OURS, 'naive', 'node-net'], rounds: 1 }

const FIGURES = ['kbPerConnection', 'rssPeakMb'] as const
type Figures = Readonly<Record<(typeof FIGURES)[number] | 'rssIdleMb' | 'rssJoinedMb', number>>

export const memory: Suite = {
  question: 'KB of RSS a connection, and the peak during a burst to 10,000, beside the naive build and every rival',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rows: Row[] = []
    const failures: string[] = []
    const names = params.contestants.filter((name) => !isMissing(name))
    const turns = await takeTurns(names, params.rounds, (name) => {
      progress(name)
      return fillAndBurst(name, params)
    })
    const { members } = params
    for (const { contestant, results } of turns) {
      rows.push(turnRow(contestant, { members }, { turns: results, failures }))
    }
    rows.push(...emptyRows(params.contestants, { members }))
    const ratios = ratiosOf(rows, FIGURES, 'members')
    return { params: { ...params, messageBytes: MESSAGE_BYTES, settings: SERVER_SETTINGS }, rows, ratios, failures }
  },
}

const readRssKb = ({ pid }: RunningServer): number => readUsage(pid).rssKb

/** A server of its own for each turn, since memory that was taken once is seldom given back. */
async function fillAndBurst(name: ContestantName, params: Params): Promise<Turn<Figures>> {
  const server = await startContestant(name)
  try {
    const idle = readRssKb(server)
    const load = await RoomLoad.open(server, { members: params.base })
    try {
      const base = readRssKb(server)
      await load.grow(params.members - params.base)
      const joined = readRssKb(server)
      const result = await load.burst({ window: params.inFlight, messages: params.messages })
      const mistake = mistakeIn(result)
      return mistake === undefined ? { figures: figuresOf(params, { idle, base, joined }, server) } : { mistake }
    } finally {
      await load.close()
    }
  } finally {
    await server.close()
  }
}

/** In kilobytes. */
type Readings = Readonly<Record<'idle' | 'base' | 'joined', number>>

function figuresOf(params: Params, { idle, base, joined }: Readings, server: RunningServer): Figures {
  const more = params.members - params.base
  return {
    kbPerConnection: (joined - base) / more,
    rssIdleMb: idle / 1_024,
    rssJoinedMb: joined / 1_024,
    rssPeakMb: readUsage(server.pid).peakRssKb / 1_024,
  }
}
