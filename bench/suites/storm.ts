/**
 * 10,000 clients connect, authenticate and join at once: how many are in within a second. Only rivals that answer a join
 * have a row: with the others nobody can tell when one is in. A broadcast afterwards must reach all.
 *
 * loopStallMsMax: the longest that the server's event loop was late meanwhile.
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
import { RoomLoad } from '../load/room-load.js'
import { LoopDelayWatch } from '../loop-delay-watch.js'
import { takeTurns } from '../rounds.js'
import { ratiosOf } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

interface Params {
  readonly members: number
  readonly contestants: readonly ContestantName[]
  readonly rounds: number
}

const FULL: Params = { members: 10_000, contestants: [OURS, 'nats', 'ws', 'socket.io', 'aedes'], rounds: 5 }
const QUICK: Params = { members: 2_000, contestants: [OURS, 'nats', 'ws'], rounds: 2 }

type Figures = Readonly<Record<string, number>>

export const storm: Suite = {
  question: '10,000 connect, authenticate and join at once: joins/s, and how long the event loop is blocked',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const { members, rounds, contestants } = params
    const rows: Row[] = []
    const failures: string[] = []
    const names = contestants.filter((name) => !isMissing(name))
    const turns = await takeTurns(names, rounds, (name) => {
      progress(name)
      // One of 10,000 that a rival resets is the rival's, and happens now and then: it gets a second try.
      return joinAtOnce(name, members).catch((error: unknown) => {
        if (name === OURS) throw error
        progress(`${name} again: ${String(error)}`)
        return joinAtOnce(name, members)
      })
    })
    for (const { contestant, results } of turns) {
      rows.push(turnRow(contestant, { members }, { turns: results, failures }))
    }
    rows.push(...emptyRows(contestants, { members }))
    const ratios = ratiosOf(rows, ['joinsPerSecond'], 'members')
    return { params: { ...params, settings: SERVER_SETTINGS }, rows, ratios, failures }
  },
}

async function joinAtOnce(name: ContestantName, members: number): Promise<Turn<Figures>> {
  const watch = new LoopDelayWatch()
  try {
    const server = await startContestant(name, watch.settings)
    try {
      return await measure(server, members, name === OURS ? watch : undefined)
    } finally {
      await server.close()
    }
  } finally {
    watch.close()
  }
}

async function measure(server: RunningServer, members: number, watch?: LoopDelayWatch): Promise<Turn<Figures>> {
  await watch?.takeMaxMs(server.pid)
  const load = await RoomLoad.open(server, { members, atOnce: members })
  try {
    const stall = watch === undefined ? {} : { loopStallMsMax: await watch.takeMaxMs(server.pid) }
    const mistake = mistakeIn(await load.broadcast())
    if (mistake !== undefined) return { mistake }
    return { figures: { joinsPerSecond: (members * 1_000) / load.joinMs, ...stall } }
  } finally {
    await load.close()
  }
}
