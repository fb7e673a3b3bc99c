/**
 * What members that stop reading do to the others and to the server. One member of ten freezes while messages of 32 KiB
 * are published, each when all the others have the one before; then the frozen read on, and must get every message.
 * Beside it `none-frozen`: the same messages to the same members, all of them reading. A server of its own each time.
 *
 * othersMs: from publishing to the receipt of a member that never froze, one sample for each message and member.
 * rss: the server's, filePages the part that is pages of files, the log's among them; kernel: all TCP buffers of the
 * machine, both ends. Before: all joined; Peak: the most while they are frozen; CatchUp: the most while they catch up;
 * After: when they have. The deadlines for members that take nothing are put off: the freeze may last longer.
 */
import { issueToken } from '../../src/auth/token-issuer.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import { SERVER_SETTINGS } from '../contest.js'
import { monotonicMs } from '../load/monotonic-ms.js'
import type { RoomReadersProgram } from '../load/room-readers.js'
import { timedMessage } from '../load/timed-message.js'
import { MemoryWatch, type MemoryFigures } from '../memory-watch.js'
import { startServer, type ServerProcess } from '../server-process.js'
import { ratiosOf, spread } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

const FULL = { members: 1_000, frozen: 100, messages: 650, rounds: 5, catchUpTimeoutMs: 120_000 }
const QUICK = { members: 100, frozen: 10, messages: 650, rounds: 1, catchUpTimeoutMs: 15_000 }
const MESSAGE_BYTES = 32 * 1024
/** Before the freeze, and not counted in the times. */
const WARM_UP_MESSAGES = 50
const ROOM = 'frozen'
/** A message that not everybody has by then is lost. */
const RECEIPT_TIMEOUT_MS = 30_000

const SETTINGS = {
  ...SERVER_SETTINGS,
  NESTWIRE_HISTORY_MAX_BYTES: String(64 * 1024 * 1024),
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: '600000',
}

const NONE_FROZEN = 'none-frozen'
type Contestant = typeof OURS | typeof NONE_FROZEN
type Readers = WorkerProcess<RoomReadersProgram>

export const frozen: Suite = {
  question: '10 % of a room stop reading while 20 MB are offered to each: what of the others, of memory, and of them',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rounds: Record<Contestant, Round[]> = { [OURS]: [], [NONE_FROZEN]: [] }
    for (let round = 1; round <= params.rounds; round += 1) {
      for (const contestant of [NONE_FROZEN, OURS] as const) {
        progress(`round ${round} of ${params.rounds}: ${contestant === OURS ? `${params.frozen} freeze` : contestant}`)
        rounds[contestant].push(await playRound(contestant, params))
      }
    }
    const rows = ([OURS, NONE_FROZEN] as const).map((name) => rowOf(name, rounds[name], params))
    const all = [...rounds[OURS], ...rounds[NONE_FROZEN]]
    return {
      params: {
        ...params,
        messageBytes: MESSAGE_BYTES,
        positions: all.every(({ positions }) => positions),
        settings: SETTINGS,
      },
      rows,
      ratios: ratiosOf(rows, ['othersMsP50', 'othersMsP99', 'rssPeakMb', 'kernelPeakMb'], 'members'),
      failures: [...new Set(all.flatMap(({ failures }) => failures))],
    }
  },
}

/** A server, a publisher, those that freeze in a process of their own, and the others in another. */
interface Room {
  readonly server: ServerProcess
  readonly publisher: ClientConnection
  readonly sleepers: Readers
  readonly others: Readers
  readonly memory: MemoryWatch
}

interface Round {
  readonly figures: Readonly<Record<string, number>>
  readonly mistakes: Mistakes
  readonly failures: readonly string[]
  /** Whether members told the server how far they had read. */
  readonly positions: boolean
}

async function playRound(contestant: Contestant, params: typeof FULL): Promise<Round> {
  const server = await startServer(SETTINGS)
  const [sleepers, others] = [0, 1].map(() => new WorkerProcess<RoomReadersProgram>('room-readers')) as [
    Readers,
    Readers,
  ]
  const memory = new MemoryWatch(server.pid)
  try {
    const positions = await joinAll(server, { sleepers, others }, params)
    const publisher = await openPublisher(server)
    const room: Room = { server, publisher, sleepers, others, memory }
    const round = await measure(room, { contestant, params })
    await publisher.close()
    return { ...round, positions }
  } finally {
    memory.close()
    await Promise.all([sleepers.stop(), others.stop()])
    await server.close()
  }
}

async function joinAll(
  { port, secret }: ServerProcess,
  { sleepers, others }: Pick<Room, 'sleepers' | 'others'>,
  params: typeof FULL,
): Promise<boolean> {
  const order = { port, secret, room: ROOM, messages: WARM_UP_MESSAGES + params.messages }
  const positions = await Promise.all([
    sleepers.ask('join', { ...order, team: 'sleeper', readers: params.frozen }),
    others.ask('join', { ...order, team: 'other', readers: params.members - params.frozen }),
  ])
  return positions.every(Boolean)
}

async function openPublisher({ port, secret }: ServerProcess): Promise<ClientConnection> {
  const token = await issueToken({ user: 'publisher', role: 'user', ttlSeconds: 3600 }, secret)
  const publisher = await ClientConnection.open({ port, token })
  await publisher.join(ROOM)
  return publisher
}

interface Task {
  readonly contestant: Contestant
  readonly params: typeof FULL
}

async function measure(room: Room, { contestant, params }: Task): Promise<Omit<Round, 'positions'>> {
  const { sleepers, others, memory } = room
  const messages = WARM_UP_MESSAGES + params.messages
  await publishAll(room, { first: 0, end: WARM_UP_MESSAGES })
  const before = memory.look()
  memory.takePeak()
  await others.ask('startTiming', undefined)
  if (contestant === OURS) await sleepers.ask('freeze', undefined)
  const sent = await publishAll(room, { first: WARM_UP_MESSAGES, end: messages })
  const peak = memory.takePeak()
  const thawedAtMs = monotonicMs()
  await sleepers.ask('thaw', undefined)
  const last = await sleepers.ask('receive', { index: sent - 1, timeoutMs: params.catchUpTimeoutMs })
  const catchUp = memory.takePeak()
  const after = memory.look()
  const ofOthers = await others.ask('report', { sent })
  const reports = [ofOthers, await sleepers.ask('report', { sent })]
  const mistakes = totalMistakes(reports)
  return {
    figures: {
      othersMsP50: ofOthers.p50Ms,
      othersMsP99: ofOthers.p99Ms,
      catchUpMs: Math.max(0, last.lastAtMs - thawedAtMs),
      ...megabytes({ before, peak, catchUp, after }),
    },
    mistakes,
    failures: [
      ...Object.entries(mistakes).flatMap(([what, count]) => (count > 0 ? [`messages ${what}`] : [])),
      ...reports.flatMap(({ fault }) => (fault === undefined ? [] : [`a member is gone: ${fault}`])),
      ...(sent < messages ? [`message ${sent} of ${messages} did not reach the others`] : []),
      ...(last.isComplete ? [] : ['those that froze did not catch up']),
    ],
  }
}

/** One message at a time, the next when all the others have it; returns how many they all had. */
async function publishAll(
  { publisher, others }: Room,
  { first, end }: { readonly first: number; readonly end: number },
): Promise<number> {
  for (let index = first; index < end; index += 1) {
    const received = others.ask('receive', { index, timeoutMs: RECEIPT_TIMEOUT_MS })
    await publisher.publish(ROOM, timedMessage(index, { sentAtMs: monotonicMs(), bytes: MESSAGE_BYTES }))
    const { isComplete } = await received
    if (!isComplete) return index
  }
  return end
}

interface Mistakes {
  readonly lost: number
  readonly duplicates: number
  readonly disordered: number
  readonly corrupted: number
}

const totalMistakes = (all: readonly Mistakes[]): Mistakes => {
  const total = (count: (each: Mistakes) => number): number => all.reduce((sum, each) => sum + count(each), 0)
  return {
    lost: total(({ lost }) => lost),
    duplicates: total(({ duplicates }) => duplicates),
    disordered: total(({ disordered }) => disordered),
    corrupted: total(({ corrupted }) => corrupted),
  }
}

const megabytes = (looks: Readonly<Record<'before' | 'peak' | 'catchUp' | 'after', MemoryFigures>>) => ({
  rssBeforeMb: looks.before.rssMb,
  rssPeakMb: looks.peak.rssMb,
  rssCatchUpMb: looks.catchUp.rssMb,
  rssAfterMb: looks.after.rssMb,
  filePagesBeforeMb: looks.before.filePagesMb,
  filePagesAfterMb: looks.after.filePagesMb,
  kernelBeforeMb: looks.before.kernelMb,
  kernelPeakMb: looks.peak.kernelMb,
  kernelCatchUpMb: looks.catchUp.kernelMb,
  kernelAfterMb: looks.after.kernelMb,
})

function rowOf(name: Contestant, rounds: readonly Round[], { members }: typeof FULL): Row {
  return {
    name,
    members,
    ...spread(rounds.map(({ figures }) => figures)),
    ...totalMistakes(rounds.map(({ mistakes }) => mistakes)),
  }
}
