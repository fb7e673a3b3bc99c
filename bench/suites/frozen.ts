/**
 * What members that stop reading do to the others and to the server. One member of ten freezes while messages of 32 KiB
 * are published, each when all the others have the one before; then the frozen read on, and must get every message, while
 * it goes on as before, no faster. Beside it `none-frozen`: the same messages to the same members, all of them reading. A
 * server of its own each time.
 *
 * othersMs: from publishing to the receipt of a member that never froze, one sample for each message and member;
 * othersMsP99CatchUp: the same while the frozen catch up with what was said before they read on, and for as many messages
 * of `none-frozen`.
 * rss: the server's, filePages the part that is pages of files, the log's among them; kernel: all TCP buffers of the
 * machine, both ends. Before: all joined; Peak: the most while they are frozen; CatchUp: the most while they catch up;
 * After: when they have. The deadlines for members that take nothing are put off: the freeze may last longer.
 */
import { issueToken } from '../../src/auth/token-issuer.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import { SERVER_SETTINGS } from '../contest.js'
import {
  catchUpWhileTalking,
  MESSAGE_BYTES,
  publish,
  ROOM,
  type CatchUpTalk,
  type FrozenRoom,
  type Readers,
} from '../frozen-room.js'
import { monotonicMs } from '../load/monotonic-ms.js'
import type { RoomReadersProgram } from '../load/room-readers.js'
import { MemoryWatch, type MemoryFigures } from '../memory-watch.js'
import { startServer, type ServerProcess } from '../server-process.js'
import { ratiosOf, spread } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

const FULL = { members: 1_000, frozen: 100, messages: 650, rounds: 5, catchUpTimeoutMs: 120_000 }
const QUICK = { members: 100, frozen: 10, messages: 650, rounds: 1, catchUpTimeoutMs: 15_000 }
/** Before the freeze, and not counted in the times. */
const WARM_UP_MESSAGES = 50
/** Said after the thaw: at least so many, for times of few say little; no more, for the room must not forget any. */
const CATCH_UP_MESSAGES = { least: 20, most: 1_000 }

const SETTINGS = {
  ...SERVER_SETTINGS,
  NESTWIRE_HISTORY_MAX_BYTES: String(64 * 1024 * 1024),
  NESTWIRE_WRITE_STALL_TIMEOUT_MS: '600000',
}

const NONE_FROZEN = 'none-frozen'
type Contestant = typeof OURS | typeof NONE_FROZEN
const RATIO_FIGURES = ['othersMsP50', 'othersMsP99', 'othersMsP99CatchUp', 'rssPeakMb', 'kernelPeakMb']

export const frozen: Suite = {
  question: '10 % of a room stop reading while 20 MB are offered to each: what of the others, of memory, and of them',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rounds: Record<Contestant, Round[]> = { [OURS]: [], [NONE_FROZEN]: [] }
    for (let round = 1; round <= params.rounds; round += 1) {
      const say = (what: string): void => progress(`round ${round} of ${params.rounds}: ${what}`)
      say(`${params.frozen} freeze`)
      const ours = await playRound({ contestant: OURS, params, catchUpMessages: CATCH_UP_MESSAGES })
      say(NONE_FROZEN)
      const exactly = { least: ours.messagesCatchUp, most: ours.messagesCatchUp }
      rounds[OURS].push(ours)
      rounds[NONE_FROZEN].push(await playRound({ contestant: NONE_FROZEN, params, catchUpMessages: exactly }))
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
      ratios: ratiosOf(rows, RATIO_FIGURES, 'members'),
      failures: [...new Set(all.flatMap(({ failures }) => failures))],
    }
  },
}

interface Round {
  readonly figures: Readonly<Record<string, number>>
  readonly mistakes: Mistakes
  readonly failures: readonly string[]
  /** Said after the thaw. */
  readonly messagesCatchUp: number
  /** Whether members told the server how far they had read. */
  readonly positions: boolean
}

async function playRound(task: Task): Promise<Round> {
  const server = await startServer(SETTINGS)
  const [sleepers, others] = [0, 1].map(() => new WorkerProcess<RoomReadersProgram>('room-readers')) as [
    Readers,
    Readers,
  ]
  const memory = new MemoryWatch(server.pid)
  try {
    const positions = await joinAll(server, { sleepers, others }, task.params)
    const publisher = await openPublisher(server)
    const room: FrozenRoom = { server, publisher, sleepers, others, memory }
    const round = await measure(room, task)
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
  { sleepers, others }: Pick<FrozenRoom, 'sleepers' | 'others'>,
  params: typeof FULL,
): Promise<boolean> {
  const order = { port, secret, room: ROOM, messages: WARM_UP_MESSAGES + params.messages + CATCH_UP_MESSAGES.most }
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
  readonly catchUpMessages: CatchUpTalk['more']
}

async function measure(room: FrozenRoom, task: Task): Promise<Omit<Round, 'positions'>> {
  const { contestant, params } = task
  const { sleepers, others, memory } = room
  const messages = WARM_UP_MESSAGES + params.messages
  await publish(room, { first: 0, end: WARM_UP_MESSAGES })
  const before = memory.look()
  memory.takePeak()
  await others.ask('startTiming', undefined)
  if (contestant === OURS) await sleepers.ask('freeze', undefined)
  const startMs = monotonicMs()
  const saidMeanwhile = await publish(room, { first: WARM_UP_MESSAGES, end: messages })
  const everyMs = (monotonicMs() - startMs) / params.messages
  const peak = memory.takePeak()
  const frozenTimes = await others.ask('report', { sent: saidMeanwhile })
  await others.ask('startTiming', undefined)
  const { sent, catchUpMs, isComplete } = await catchUpWhileTalking(room, {
    said: saidMeanwhile,
    everyMs,
    more: task.catchUpMessages,
    timeoutMs: params.catchUpTimeoutMs,
  })
  const catchUp = memory.takePeak()
  const after = memory.look()
  const ofOthers = await others.ask('report', { sent })
  const reports = [ofOthers, await sleepers.ask('report', { sent })]
  const mistakes = totalMistakes(reports)
  return {
    figures: {
      othersMsP50: frozenTimes.p50Ms,
      othersMsP99: frozenTimes.p99Ms,
      othersMsP99CatchUp: ofOthers.p99Ms,
      catchUpMs,
      messagesCatchUp: sent - saidMeanwhile,
      ...megabytes({ before, peak, catchUp, after }),
    },
    mistakes,
    messagesCatchUp: sent - saidMeanwhile,
    failures: [
      ...Object.entries(mistakes).flatMap(([what, count]) => (count > 0 ? [`messages ${what}`] : [])),
      ...reports.flatMap(({ fault }) => (fault === undefined ? [] : [`a member is gone: ${fault}`])),
      ...(saidMeanwhile < messages ? [`message ${saidMeanwhile} of ${messages} did not reach the others`] : []),
      ...(sent < saidMeanwhile + task.catchUpMessages.least
        ? ['a message of the catching up did not reach the others']
        : []),
      ...(isComplete ? [] : ['those that froze did not catch up']),
    ],
  }
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
