/**
 * What TLS costs: the same server with a P-256 certificate and without, TLS 1.3 as Node agrees on it.
 *
 * Handshakes: HELLO → WELCOME on a new socket, 64 at once. handshakesPerSecond is of this machine, where client and server
 * share the cores; serverUs is the server's processor time for one. `resumed` shows the ticket of an earlier handshake.
 * Fan-out: toLastMs from publishing to the last of the members, one message at a time; deliveriesPerSecond with 64 in
 * flight. The readers decrypt on the same cores, so that the ratio is that of a machine with both ends; serverUsPerDelivery
 * is of the server alone. kbPerConnection: RSS with all members less RSS with a tenth, a member, once, before the first
 * message: it has no spread.
 */
import { makeCertificates } from '../certificates.js'
import { SERVER_SETTINGS, startContestant, type RunningServer } from '../contest.js'
import { mistakeIn, turnRow, type Turn } from '../contest-turns.js'
import type { GreeterProgram, GreetOrder } from '../load/greeter.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { readCpuUs } from '../load/process-cpu.js'
import { RoomLoad } from '../load/room-load.js'
import { readUsage } from '../process-usage.js'
import { interleave } from '../rounds.js'
import { percentile, ratiosOf, rounded } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

const FULL = { members: 1_000, rounds: 5, broadcasts: 20, burstMs: 1_500, connections: 2_000 }
const QUICK = { members: 500, rounds: 3, broadcasts: 10, burstMs: 500, connections: 500 }
type Params = typeof FULL
const AT_ONCE = 64
const IN_FLIGHT = 64
const PLAIN = 'plain'

/** One server with its room. */
interface Side {
  readonly name: typeof OURS | typeof PLAIN
  readonly server: RunningServer
  readonly ca: string
  readonly load: RoomLoad
  readonly kbPerConnection: number
}

/** Of each turn. */
const FIGURES = ['toLastMsP50', 'deliveriesPerSecond', 'serverUsPerDelivery'] as const
type Figures = Readonly<Record<(typeof FIGURES)[number], number>>

export const tls: Suite = {
  question: 'handshakes a second, full and resumed; memory of a connection and fan-out beside the same without TLS',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const certificates = await makeCertificates()
    const sides: Side[] = []
    try {
      progress(`${params.members} members join, twice`)
      sides.push(await open(OURS, params, { settings: certificates.settings, ca: certificates.ca }))
      sides.push(await open(PLAIN, params, { settings: {}, ca: '' }))
      progress('fan-out')
      const failures: string[] = []
      const rows: Row[] = []
      const { members } = params
      for (const { contestant, results } of await interleave(sides, params.rounds, (side) => fanOut(side, params))) {
        const row = turnRow(contestant.name, { members }, { turns: results, failures })
        rows.push({ ...row, kbPerConnection: contestant.kbPerConnection })
      }
      const ratios = ratiosOf(rows, [...FIGURES, 'kbPerConnection'], 'members')
      progress('handshakes')
      rows.push(...(await shakeHands(sides, params)))
      const settings = { ...params, messageBytes: MESSAGE_BYTES, settings: SERVER_SETTINGS }
      return { params: { ...settings, atOnce: AT_ONCE, inFlight: IN_FLIGHT }, rows, ratios, failures }
    } finally {
      await Promise.all(sides.map(({ load }) => load.close()))
      await Promise.all(sides.map(({ server }) => server.close()))
      certificates.close()
    }
  },
}

async function open(
  name: Side['name'],
  { members }: Params,
  { settings, ca }: { readonly settings: Readonly<Record<string, string>>; readonly ca: string },
): Promise<Side> {
  const server = await startContestant(OURS, settings)
  const first = members / 10
  const load = await RoomLoad.open({ ...server, ca }, { members: first })
  const baseKb = readUsage(server.pid).rssKb
  await load.grow(members - first)
  const kbPerConnection = rounded((readUsage(server.pid).rssKb - baseKb) / (members - first))
  return { name, server, ca, load, kbPerConnection }
}

async function fanOut({ server, load }: Side, params: Params): Promise<Turn<Figures>> {
  const toLastMs: number[] = []
  while (toLastMs.length < params.broadcasts) {
    const result = await load.broadcast()
    const mistake = mistakeIn(result)
    if (mistake !== undefined) return { mistake }
    toLastMs.push(result.elapsedMs)
  }
  const startUs = readCpuUs(server.pid)
  const burst = await load.burst({ window: IN_FLIGHT, durationMs: params.burstMs })
  const mistake = mistakeIn(burst)
  if (mistake !== undefined) return { mistake }
  const deliveries = burst.published * params.members
  const figures = {
    toLastMsP50: percentile(toLastMs, 0.5),
    deliveriesPerSecond: (1_000 * deliveries) / burst.elapsedMs,
    serverUsPerDelivery: (readCpuUs(server.pid) - startUs) / deliveries,
  }
  return { figures }
}

async function shakeHands(sides: readonly Side[], { connections, rounds }: Params): Promise<Row[]> {
  const greeter = new WorkerProcess<GreeterProgram>('greeter')
  const ways = sides.flatMap((side) =>
    (side.name === PLAIN ? (['plain'] as const) : (['full', 'resumed'] as const)).map((how) => ({ side, how })),
  )
  try {
    const turns = await interleave(ways, rounds, async ({ side: { server, ca }, how }) => {
      const order: GreetOrder = { port: server.port, how, ca, connections, atOnce: AT_ONCE }
      const startUs = readCpuUs(server.pid)
      const { elapsedMs } = await greeter.ask('greet', order)
      const serverUs = (readCpuUs(server.pid) - startUs) / connections
      return { figures: { handshakesPerSecond: (1_000 * connections) / elapsedMs, serverUs } }
    })
    return turns.map(({ contestant: { side, how }, results }) =>
      turnRow(side.name, { how }, { turns: results, failures: [] }),
    )
  } finally {
    await greeter.stop()
  }
}
