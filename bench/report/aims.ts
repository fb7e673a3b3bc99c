/** What the suites are to show, and whether the results show it. */
import { SLICE_MS } from '../../src/delivery/slice-timer.js'
import { OURS } from '../suite.js'
import { formatCell, markdownTable } from './markdown-table.js'
import type { ResultDocument } from './result-document.js'

interface Aim {
  readonly suite: string
  readonly what: string
  readonly bound: { readonly atMost: number } | { readonly atLeast: number }
  /** NaN: not measured. */
  readonly read: (document: ResultDocument) => number
}

/** In the row of `name` with that many members. */
const figure =
  (field: string, members: number, name: string = OURS) =>
  ({ rows }: ResultDocument): number =>
    Number(rows.find((row) => row.name === name && row['members'] === members && row[field] !== undefined)?.[field])

/** In our only row. */
const ownFigure =
  (field: string) =>
  ({ rows }: ResultDocument): number =>
    Number(rows.find((row) => row.name === OURS)?.[field])

const ratio =
  (key: string) =>
  ({ ratios }: ResultDocument): number =>
    ratios[key] ?? NaN

/** The worst of the sizes from 1,000 members on. */
const fanoutRatio =
  (rival: string) =>
  ({ ratios }: ResultDocument): number => {
    const start = `toLastMsP50/${rival}@`
    const large = Object.entries(ratios).filter(
      ([key]) => key.startsWith(start) && Number(key.slice(start.length)) >= 1e3,
    )
    return large.length === 0 ? NaN : Math.max(...large.map(([, value]) => value ?? NaN))
  }

const fanoutAim = (rival: string, atMost: number): Aim => ({
  suite: 'fanout',
  what: `time to the last of 1,000 and more ÷ that of ${rival}`,
  bound: { atMost },
  read: fanoutRatio(rival),
})

const burstAim = (rival: string, inFlight: number, atLeast: number): Aim => ({
  suite: 'burst',
  what: `deliveries a second with ${inFlight} in flight ÷ those of ${rival}`,
  bound: { atLeast },
  read: ratio(`deliveriesPerSecond/${rival}@${inFlight}`),
})

const clusterAim = (what: string, figure: string, bound: Aim['bound'], load: string): Aim => ({
  suite: 'cluster',
  what: `${what} ÷ Socket.IO's, ${load}`,
  bound,
  read: ratio(`${figure}/socket.io@${load}`),
})

/** Counts of what must not happen. */
const noneAims = (suite: string, what: string, fields: readonly string[]): Aim[] =>
  fields.map((field) => ({ suite, what: `${what}: ${field}`, bound: { atMost: 0 }, read: ownFigure(field) }))

const logAim = (figure: 'sendAckMsP50' | 'sendDeliverMsP50', perSecond: number): Aim => ({
  suite: 'log',
  what: `ms more than with the log in memory, ${figure === 'sendAckMsP50' ? 'send to ACK' : 'send to receipt'}, ${perSecond} messages a second, p50`,
  bound: { atMost: 2 },
  read: ({ rows }) => {
    const of = (name: string): number =>
      Number(rows.find((row) => row.name === name && row['messagesPerSecond'] === perSecond)?.[figure])
    return of(OURS) - of('memory')
  },
})

const callsAim = (inFlight: number, atLeast: number): Aim => ({
  suite: 'rpc',
  what: `calls a second ÷ those of Nest TCP, ${inFlight} in flight`,
  bound: { atLeast },
  read: ratio(`callsPerSecond/nest-tcp@${inFlight}`),
})

const RPC_RIVALS = ['nest-tcp', 'nest-nats', 'nest-grpc']
/** The worst of all rivals and numbers of calls in flight. */
const worstCallAim = (figure: string, what: string): Aim => ({
  suite: 'rpc',
  what: `${what} ÷ that of Nest TCP, NATS and gRPC, the worst`,
  bound: { atMost: 1 },
  read: ({ ratios }) =>
    Math.max(...RPC_RIVALS.flatMap((rival) => [1, 64, 512].map((at) => ratios[`${figure}/${rival}@${at}`] ?? NaN))),
})

const aims: readonly Aim[] = [
  fanoutAim('c-floor', 1.15),
  ...['node-net', 'ws', 'socket.io', 'aedes', 'nats', 'tokio-1-thread', 'tokio'].map((rival) => fanoutAim(rival, 1)),
  burstAim('nats', 64, 2),
  burstAim('nats', 512, 4),
  burstAim('socket.io', 64, 25),
  burstAim('socket.io', 512, 80),
  {
    suite: 'memory',
    what: 'KB a connection at 10,000',
    bound: { atMost: 8 },
    read: figure('kbPerConnection', 10_000),
  },
  {
    suite: 'memory',
    what: 'peak memory of a burst to 10,000 ÷ that of the naive build',
    bound: { atMost: 0.6 },
    read: ratio('rssPeakMb/naive@10000'),
  },
  {
    suite: 'fairness',
    what: 'ms in a room of two beside a busy one of 10,000, p99',
    bound: { atMost: 15 },
    read: figure('smallRoomMsP99', 10_000),
  },
  {
    suite: 'frozen',
    what: "the others' p99 with 10 % frozen ÷ with none",
    bound: { atMost: 1.1 },
    read: ratio('othersMsP99/none-frozen@1000'),
  },
  {
    suite: 'frozen',
    what: 'peak memory with 10 % frozen ÷ with none',
    bound: { atMost: 1.1 },
    read: ratio('rssPeakMb/none-frozen@1000'),
  },
  {
    suite: 'frozen',
    what: 'peak kernel memory of sockets, MB more with 10 % frozen than with none',
    bound: { atMost: 64 },
    read: (document) =>
      figure('kernelPeakMb', 1_000)(document) - figure('kernelPeakMb', 1_000, 'none-frozen')(document),
  },
  {
    suite: 'frozen',
    what: 'peak memory while the frozen catch up ÷ before the freeze (our own bound)',
    bound: { atMost: 2 },
    read: (document) => figure('rssCatchUpMb', 1_000)(document) / figure('rssBeforeMb', 1_000)(document),
  },
  {
    suite: 'frozen',
    what: "the others' p99 while 10 % catch up ÷ with none frozen (our own bound)",
    bound: { atMost: 1.5 },
    read: ratio('othersMsP99CatchUp/none-frozen@1000'),
  },
  {
    suite: 'control',
    what: `ms from PING to PONG at saturation, p99, less twice that of an idle server and a slice of ${SLICE_MS} ms`,
    bound: { atMost: 0 },
    read: (document) =>
      figure('pingMsP99', 1_000)(document) - 2 * figure('pingMsP99', 1_000, 'idle')(document) - SLICE_MS,
  },
  {
    suite: 'storm',
    what: 'joins a second, 10,000 at once',
    bound: { atLeast: 3_000 },
    read: figure('joinsPerSecond', 10_000),
  },
  {
    suite: 'storm',
    what: 'ms that the event loop is blocked at most',
    bound: { atMost: 50 },
    // Not the median of the rounds: `at most` is the worst of them.
    read: figure('loopStallMsMaxMax', 10_000),
  },
  {
    suite: 'scale',
    what: 'cost of a delivery to 18,000 members ÷ to 100',
    bound: { atMost: 1.3 },
    read: ratio('usPerDelivery/own-100-members@18000'),
  },
  {
    suite: 'scale',
    what: 'cost of a delivery beside 10,000 rooms ÷ beside 1',
    bound: { atMost: 1.3 },
    read: ratio('usPerDelivery/own-1-rooms@10000'),
  },
  ...['one-room', 'thousand-rooms'].flatMap((load) => [
    clusterAim('deliveries a second over three nodes', 'deliveriesPerSecond', { atLeast: 10 }, load),
    clusterAim('publishing to receipt over three nodes, p99', 'latencyP99Ms', { atMost: 1 }, load),
  ]),
  {
    suite: 'fifty-thousand',
    what: 'time to the last of 50,000 over three nodes ÷ that of three C floors',
    bound: { atMost: 1.25 },
    read: ratio('toLastMsP50/c-floor@50000'),
  },
  {
    suite: 'fifty-thousand',
    what: 'ms to the last of 50,000 over three nodes',
    bound: { atMost: 500 },
    read: figure('toLastMsP50', 50_000),
  },
  {
    suite: 'fifty-thousand',
    what: 'MB of memory of all three nodes',
    bound: { atMost: 800 },
    read: figure('totalRssMb', 50_000),
  },
  ...noneAims('fifty-thousand', 'deliveries to 50,000', ['lost']),
  {
    suite: 'ring',
    what: 'ns to find the node of a key among 100 nodes',
    bound: { atMost: 1_000 },
    read: ({ rows }) => Number(rows.find(({ name, nodes }) => name === OURS && nodes === 100)?.['nsPerLookup']),
  },
  {
    suite: 'jitter',
    what: 'percent of the deliveries to clients that are cut off and come back',
    bound: { atLeast: 100 },
    read: ownFigure('deliveredPercent'),
  },
  ...noneAims('jitter', 'deliveries to them', ['lost', 'duplicates', 'disordered']),
  ...noneAims('avalanche', 'a restart under 10,000 clients', ['neverReturned', 'lost', 'duplicates']),
  ...noneAims('rolling', 'a drain under 5,000 connections', ['lost', 'endedWithoutNotice']),
  callsAim(1, 1.2),
  callsAim(64, 2.5),
  callsAim(512, 2.5),
  worstCallAim('p99Ms', 'ms of a call, p99,'),
  worstCallAim('serverCpuUsPerCall', "the server's processor time of a call"),
  worstCallAim('clientCpuUsPerCall', "the client's processor time of a call"),
  ...[100, 1_000, 10_000].flatMap((rate) => [logAim('sendAckMsP50', rate), logAim('sendDeliverMsP50', rate)]),
]

/** With a line in front that counts them. */
export function aimsTable(documents: readonly ResultDocument[]): string {
  const lines = aims.map(({ suite, what, bound, read }) => {
    const document = documents.find((each) => each.suite === suite)
    const measured = document === undefined ? NaN : read(document)
    const isMet = 'atMost' in bound ? measured <= bound.atMost : measured >= bound.atLeast
    const told = 'atMost' in bound ? `≤ ${formatCell(bound.atMost)}` : `≥ ${formatCell(bound.atLeast)}`
    const isKnown = !Number.isNaN(measured)
    return [suite, what, told, isKnown ? measured : undefined, isKnown ? (isMet ? 'yes' : 'no') : undefined]
  })
  const count = (verdict: string | undefined): number => lines.filter((line) => line.at(-1) === verdict).length
  const told = `Of ${lines.length} aims ${count('no')} are missed, ${count('yes')} met, and ${count(undefined)} not measured.`
  return `${told}\n\n${markdownTable(['suite', 'what', 'aim', 'measured', 'met'], lines, 2)}`
}
