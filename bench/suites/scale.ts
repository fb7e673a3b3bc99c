/**
 * Does one delivery cost the same however many members the room has, and however many rooms are idle beside it?
 *
 * usPerDelivery: processor time of the server for a delivery, over closed-loop broadcasts. The ratios `own-…` compare
 * our own rows: with the row of 100 members, and with the row of one room. idleCpuPercent: processor time of the server, of
 * one core, while nothing is said in any of the rooms.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { emptyRows, SERVER_SETTINGS, withContestants, type Contestant, type ContestantName } from '../contest.js'
import { mistakeIn, turnRow, type Turn } from '../contest-turns.js'
import { joinIdleRooms } from '../load/idle-rooms.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { readCpuUs } from '../load/process-cpu.js'
import { rivalNames } from '../rivals/rivals.js'
import { interleave, takeTurns } from '../rounds.js'
import { median, ratiosOf, rounded, spread } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

interface Params {
  readonly members: readonly number[]
  readonly contestants: readonly ContestantName[]
  readonly rounds: number
  /** Of a round, over all its broadcasts. */
  readonly deliveries: number
  /** How many rooms there are, all idle but one, */
  readonly rooms: readonly number[]
  /** and how many members the one has. */
  readonly membersAmongRooms: number
  /** How long nothing is said. */
  readonly idleMs: number
}

const FULL: Params = {
  members: [10, 100, 1_000, 5_000, 18_000],
  contestants: [OURS, ...rivalNames],
  rounds: 5,
  deliveries: 100_000,
  rooms: [1, 100, 10_000],
  membersAmongRooms: 1_000,
  idleMs: 5_000,
}
const QUICK: Params = {
  ...FULL,
  members: [100, 1_000],
  contestants: [OURS, 'c-floor', 'nats'],
  rounds: 3,
  deliveries: 10_000,
  rooms: [1, 1_000],
  membersAmongRooms: 100,
  idleMs: 2_000,
}
const LEAST_BROADCASTS = 5
const MOST_BROADCASTS = 500
const BASE_MEMBERS = 100
/** After the joins: counts of members are told, and the log has settled. */
const SETTLE_MS = 2_000

type Figures = Readonly<Record<'usPerDelivery' | 'toLastMsP50', number>>

export const scale: Suite = {
  question: 'cost of a delivery from 10 to 18,000 members, and from 1 to 10,000 rooms: is it flat?',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const failures: string[] = []
    const memberRows: Row[] = []
    for (const members of params.members) {
      progress(`${members} members`)
      memberRows.push(...(await measureMembers(params, members, failures)))
    }
    const roomRows: Row[] = []
    for (const rooms of params.rooms) {
      progress(`${rooms} rooms`)
      roomRows.push(await measureRooms(params, rooms, failures))
    }
    const ratios = {
      ...ratiosOf(memberRows, ['usPerDelivery'], 'members'),
      ...ownRatios(memberRows, 'members', BASE_MEMBERS),
      ...ownRatios(roomRows, 'rooms', 1),
    }
    const rows = [...memberRows, ...roomRows]
    return { params: { ...params, messageBytes: MESSAGE_BYTES, settings: SERVER_SETTINGS }, rows, ratios, failures }
  },
}

function measureMembers(params: Params, members: number, failures: string[]): Promise<Row[]> {
  return withContestants(params.contestants, { members }, async (contestants) => {
    const turns = await interleave(contestants, params.rounds, (each) => broadcastAll(each, params.deliveries))
    const rows = turns.map(({ contestant, results }) =>
      turnRow(contestant.name, { members }, { turns: results, failures }),
    )
    return [...rows, ...emptyRows(params.contestants, { members })]
  })
}

function measureRooms(params: Params, rooms: number, failures: string[]): Promise<Row> {
  const { membersAmongRooms: members, rounds, deliveries, idleMs } = params
  return withContestants([OURS], { members }, async (contestants) => {
    const idle = await Promise.all(contestants.map(({ server }) => joinIdleRooms(server, rooms - 1)))
    try {
      const quiet = await idleFigures(contestants, { rounds, idleMs })
      const [turns] = await interleave(contestants, rounds, (each) => broadcastAll(each, deliveries))
      return { ...turnRow(OURS, { members, rooms }, { turns: turns?.results ?? [], failures }), ...quiet }
    } finally {
      for (const leave of idle) await leave()
    }
  })
}

/** Before anything was said: what a broadcast leaves to be done would be counted. */
async function idleFigures(
  contestants: readonly Contestant[],
  { rounds, idleMs }: Pick<Params, 'rounds' | 'idleMs'>,
): Promise<Record<string, number>> {
  await sleep(SETTLE_MS)
  const [turns] = await takeTurns(contestants, rounds, async ({ server }) => {
    const [startMs, startCpuUs] = [performance.now(), readCpuUs(server.pid)]
    await sleep(idleMs)
    const elapsedMs = performance.now() - startMs
    return { idleCpuPercent: (readCpuUs(server.pid) - startCpuUs) / 10 / elapsedMs }
  })
  return spread(turns?.results ?? [])
}

async function broadcastAll({ server, load }: Contestant, deliveries: number): Promise<Turn<Figures>> {
  const wanted = Math.round(deliveries / load.members)
  const broadcasts = Math.min(MOST_BROADCASTS, Math.max(LEAST_BROADCASTS, wanted))
  const toLastMs: number[] = []
  const startCpuUs = readCpuUs(server.pid)
  while (toLastMs.length < broadcasts) {
    const result = await load.broadcast()
    const mistake = mistakeIn(result)
    if (mistake !== undefined) return { mistake }
    toLastMs.push(result.elapsedMs)
  }
  const cpuUs = readCpuUs(server.pid) - startCpuUs
  return { figures: { usPerDelivery: cpuUs / (broadcasts * load.members), toLastMsP50: median(toLastMs) } }
}

/** `usPerDelivery/own-<base>-<param>@<value>`: ours there ÷ ours at the base. */
function ownRatios(rows: readonly Row[], param: string, base: number): Record<string, number> {
  const ours = rows.filter(({ name }) => name === OURS)
  const least = ours.find((row) => row[param] === base)?.usPerDelivery
  const ratios: Record<string, number> = {}
  for (const { [param]: value, usPerDelivery } of ours) {
    if (typeof least !== 'number' || typeof usPerDelivery !== 'number' || value === base) continue
    ratios[`usPerDelivery/own-${base}-${param}@${value}`] = rounded(usPerDelivery / least)
  }
  return ratios
}
