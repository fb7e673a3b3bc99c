/**
 * One real server process, one room, 10,000 authenticated members on raw sockets, one publisher. Every member checks
 * that it gets every message once and in order; a server that loses one has no figures worth reading and fails.
 *
 * rssIdleMb: server before the first connection; rssJoinedMb: all in, nothing said yet; kbPerConnection: the difference.
 * cpuPercent: the server's, of one core, while messages are under way.
 */
import { issueToken } from '../../src/auth/token-issuer.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import type { MembersReport, RoomMembersProgram } from '../load/room-members.js'
import { monotonicMs } from '../load/monotonic-ms.js'
import { continueChain, MESSAGE_BYTES, numberedMessage } from '../load/numbered-message.js'
import { readUsage } from '../process-usage.js'
import { startServer, type ServerProcess } from '../server-process.js'
import { percentile, rounded } from '../statistics.js'
import { OURS, type Outcome, type Row, type Suite, type SuiteOptions } from '../suite.js'
import { WorkerProcess } from '../worker-process.js'

const FULL = { members: 10_000, messages: 50 }
const QUICK = { members: 1_000, messages: 20 }
const WORKERS = 2
/** Everything real is on: what is delivered is on disk. */
const LOG_ENGINE = 'lmdb'
const ROOM = 'smoke'
/** A message that not everybody has by then is lost. */
const RECEIPT_TIMEOUT_MS = 15_000

type Workers = readonly WorkerProcess<RoomMembersProgram>[]

export const smoke: Suite = {
  question: '10,000 members of one room: does each get every message once, in order, and what does it take',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const server = await startServer({ NESTWIRE_LOG_ENGINE: LOG_ENGINE })
    const workers = Array.from({ length: WORKERS }, () => new WorkerProcess<RoomMembersProgram>('room-members'))
    try {
      return await measure(server, workers, { params, progress })
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()))
      await server.close()
    }
  },
}

interface Task {
  readonly params: typeof FULL
  readonly progress: SuiteOptions['progress']
}

async function measure(server: ServerProcess, workers: Workers, { params, progress }: Task): Promise<Outcome> {
  const { members, messages } = params
  const idle = readUsage(server.pid)
  progress(`${members} members connect`)
  const connectMs = await joinAll(server, workers, params)
  const publisher = await openPublisher(server)
  const joined = readUsage(server.pid)
  progress(`${messages} messages to each of them`)
  const broadcast = await publishAll(publisher, workers, messages)
  const last = readUsage(server.pid)
  const { fault, ...mistakes } = await collect(workers, broadcast)
  await publisher.close()
  const row: Row = {
    name: OURS,
    members,
    connectMs: rounded(connectMs),
    joinsPerSecond: rounded((members * 1000) / connectMs),
    ...latencies(broadcast),
    rssIdleMb: rounded(idle.rssKb / 1024),
    rssJoinedMb: rounded(joined.rssKb / 1024),
    rssPeakMb: rounded(last.peakRssKb / 1024),
    kbPerConnection: rounded((joined.rssKb - idle.rssKb) / members),
    cpuPercent: rounded((100 * (last.cpuMs - joined.cpuMs)) / broadcast.elapsedMs),
    ...mistakes,
  }
  const failures = Object.entries(mistakes).flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []))
  if (fault !== undefined) failures.push(`a member is gone: ${fault}`)
  return {
    params: { ...params, messageBytes: MESSAGE_BYTES, workers: WORKERS, logEngine: LOG_ENGINE },
    rows: [row],
    ratios: {},
    failures,
  }
}

/** How long it took until all were in. */
async function joinAll({ port, secret }: ServerProcess, workers: Workers, params: typeof FULL): Promise<number> {
  const share = params.members / workers.length
  await Promise.all(
    workers.map((worker, at) =>
      worker.ask('prepare', { first: at * share, members: share, messages: params.messages, secret }),
    ),
  )
  const startMs = monotonicMs()
  await Promise.all(workers.map((worker) => worker.ask('join', { port, room: ROOM })))
  return monotonicMs() - startMs
}

async function openPublisher({ port, secret }: ServerProcess): Promise<ClientConnection> {
  const token = await issueToken({ user: 'publisher', role: 'user', ttlSeconds: 3600 }, secret)
  const publisher = await ClientConnection.open({ port, token })
  await publisher.join(ROOM)
  return publisher
}

interface Broadcast {
  /** One for each message: from publishing it to the last member's receipt. */
  readonly toLastMs: readonly number[]
  readonly elapsedMs: number
  readonly sent: number
  /** As every member's must be. */
  readonly chain: number
}

/** None for a broadcast that not everybody got. */
function latencies({ toLastMs, sent }: Broadcast): Record<string, number> {
  if (toLastMs.length < sent) return {}
  return {
    toLastMsP50: rounded(percentile(toLastMs, 0.5)),
    toLastMsMin: rounded(Math.min(...toLastMs)),
    toLastMsMax: rounded(Math.max(...toLastMs)),
  }
}

/** One message at a time, the next when everybody has it; none after one that not everybody got. */
async function publishAll(publisher: ClientConnection, workers: Workers, messages: number): Promise<Broadcast> {
  const toLastMs: number[] = []
  const startMs = monotonicMs()
  let chain = 0
  let sent = 0
  while (sent < messages && toLastMs.length === sent) {
    const index = sent
    const body = Buffer.from(numberedMessage(index))
    const receipts = workers.map((worker) => worker.ask('receive', { index, timeoutMs: RECEIPT_TIMEOUT_MS }))
    const publishedAtMs = monotonicMs()
    const { seq } = await publisher.publish(ROOM, body)
    sent += 1
    chain = continueChain(chain, seq, body)
    const received = await Promise.all(receipts)
    if (received.every(({ isComplete }) => isComplete)) {
      toLastMs.push(Math.max(...received.map(({ lastAtMs }) => lastAtMs)) - publishedAtMs)
    }
  }
  return { toLastMs, elapsedMs: monotonicMs() - startMs, sent, chain }
}

async function collect(workers: Workers, { sent, chain }: Broadcast): Promise<MembersReport> {
  const reports = await Promise.all(workers.map((worker) => worker.ask('report', { sent, chain })))
  const total = (count: (report: MembersReport) => number): number =>
    reports.reduce((sum, each) => sum + count(each), 0)
  return {
    lost: total(({ lost }) => lost),
    duplicates: total(({ duplicates }) => duplicates),
    disordered: total(({ disordered }) => disordered),
    corrupted: total(({ corrupted }) => corrupted),
    fault: reports.find(({ fault }) => fault !== undefined)?.fault,
  }
}
