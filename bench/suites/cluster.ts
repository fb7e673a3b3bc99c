/**
 * What it costs that members of a room are at several nodes, beside Socket.IO 4 with its Redis adapter: as many processes,
 * the same rooms, the same load generator, in turns. Everybody must get everything once; who loses has no figures.
 *
 * Loads: `small-room` has two members at each node, and nothing else to do; `one-room` and `one-room-64` keep 512 and 64
 * messages in flight in one room, `thousand-rooms` and `thousand-rooms-1` eight and one in each of 1,000. `paced-…` say
 * so many a second whatever the receipts: in one room over one to three nodes, and in turns in 1,000.
 *
 * latency: from publishing to a receipt. sameNode, otherNode: of members at the publisher's node, and elsewhere.
 * cpuMsPerThousandMessages: processor time of all nodes; broker: of NATS or Redis. rssPerNodeMb: after the load.
 */
import { readClusterCpuUs, readClusterMemoryMb, withClusters, type ClusterContestant } from '../cluster-contest.js'
import { CLUSTER_SETTINGS, emptyClusterRows, type Cluster, type ClusterName } from '../clusters.js'
import { mistakeIn, turnRow, type Turn } from '../contest-turns.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { RoomsLoad } from '../load/rooms-load.js'
import type { Talk, TalkReport, Times } from '../load/talking-rooms.js'
import { interleave } from '../rounds.js'
import { ratiosOf, rounded } from '../statistics.js'
import { OURS, type Row, type Suite, type SuiteOptions } from '../suite.js'

interface Scene {
  readonly nodes: number
  readonly rooms: number
  readonly membersPerRoom: number
  /** By name. */
  readonly loads: Readonly<Record<string, Omit<Talk, 'durationMs'>>>
}

interface Params {
  readonly scenes: readonly Scene[]
  readonly rounds: number
  readonly roundMs: number
}

/** As in `burst`, so that the two can be compared. */
const ONE_ROOM = { rooms: 1, membersPerRoom: 1_000 }
const PACED = { perSecond: 50 }
const MANY_ROOMS = { nodes: 3, rooms: 1_000, membersPerRoom: 9 }

const FULL: Params = {
  scenes: [
    { nodes: 3, rooms: 1, membersPerRoom: 6, loads: { 'small-room': { perSecond: 100 } } },
    {
      nodes: 3,
      ...ONE_ROOM,
      loads: { 'one-room': { inFlightPerRoom: 512 }, 'one-room-64': { inFlightPerRoom: 64 }, 'paced-3-nodes': PACED },
    },
    { nodes: 2, ...ONE_ROOM, loads: { 'paced-2-nodes': PACED } },
    { nodes: 1, ...ONE_ROOM, loads: { 'paced-1-node': PACED } },
    {
      ...MANY_ROOMS,
      loads: {
        'thousand-rooms': { inFlightPerRoom: 8 },
        'thousand-rooms-1': { inFlightPerRoom: 1 },
        'paced-thousand-rooms': { perSecond: 1_000 },
      },
    },
  ],
  rounds: 5,
  roundMs: 2_000,
}
const QUICK: Params = {
  scenes: [
    { nodes: 3, ...ONE_ROOM, membersPerRoom: 300, loads: { 'one-room': { inFlightPerRoom: 512 } } },
    { ...MANY_ROOMS, membersPerRoom: 3, loads: { 'thousand-rooms': { inFlightPerRoom: 8 } } },
  ],
  rounds: 2,
  roundMs: 500,
}
const NAMES: readonly ClusterName[] = [OURS, 'socket.io']
const LATENCIES = ['latency', 'sameNode', 'otherNode'].flatMap((what) => [`${what}P50Ms`, `${what}P99Ms`])
const CPU = ['cpuMsPerThousandMessages', 'brokerCpuMsPerThousandMessages']
const COMPARED = ['deliveriesPerSecond', 'messagesPerSecond', ...LATENCIES, ...CPU, 'rssPerNodeMb']

export const cluster: Suite = {
  question: 'rooms over several nodes: added latency, deliveries/s, cost of a node, beside Socket.IO 4 with Redis',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const rows: Row[] = []
    const failures: string[] = []
    for (const scene of params.scenes) rows.push(...(await measureScene(scene, { params, progress, failures })))
    return {
      params: { ...params, messageBytes: MESSAGE_BYTES, settings: CLUSTER_SETTINGS },
      rows,
      ratios: { ...ratiosOf(rows, COMPARED, 'load'), ...addedLatency(rows) },
      failures,
    }
  },
}

interface Task extends Pick<SuiteOptions, 'progress'> {
  readonly params: Params
  readonly failures: string[]
}

function measureScene(scene: Scene, { params, progress, failures }: Task): Promise<Row[]> {
  const { nodes, rooms, membersPerRoom, loads } = scene
  progress(`${rooms} rooms of ${membersPerRoom} over ${nodes} nodes`)
  const contest = {
    names: NAMES,
    nodes,
    enter: (each: Cluster) => RoomsLoad.open(each, { rooms, membersPerRoom }),
  }
  return withClusters(contest, async (contestants) => {
    const rows: Row[] = []
    for (const [load, talk] of Object.entries(loads)) {
      progress(load)
      const row = { load, nodes, rooms, membersPerRoom }
      const order = { ...talk, durationMs: params.roundMs }
      const turns = await interleave(contestants, params.rounds, (each) => listenTo(each, order))
      for (const { contestant, results } of turns)
        rows.push(turnRow(contestant.name, row, { turns: results, failures }))
      rows.push(...emptyClusterRows(NAMES, row))
    }
    return rows
  })
}

type Figures = Readonly<Record<string, number>>

async function listenTo({ cluster, load }: ClusterContestant<RoomsLoad>, talk: Talk): Promise<Turn<Figures>> {
  const before = readClusterCpuUs(cluster)
  const result = await load.talk(talk)
  const after = readClusterCpuUs(cluster)
  const mistake = mistakeIn(result)
  if (mistake !== undefined) return { mistake }
  const { published, elapsedMs, lost } = result
  const figures = {
    ...(talk.perSecond === undefined ? {} : paceFigures(cluster, result)),
    deliveriesPerSecond: (published * load.membersPerRoom * 1_000) / elapsedMs,
    messagesPerSecond: (published * 1_000) / elapsedMs,
    ...latencies('latency', result.all),
    cpuMsPerThousandMessages: (after.nodes - before.nodes) / published,
    brokerCpuMsPerThousandMessages: (after.broker - before.broker) / published,
    lost,
  }
  return { figures }
}

/** What waits in line where nodes have all they can do would be told as the way between them. */
function paceFigures(cluster: Cluster, { sameNode, otherNode }: TalkReport): Figures {
  const memory = readClusterMemoryMb(cluster)
  return {
    ...latencies('sameNode', sameNode),
    ...latencies('otherNode', otherNode),
    rssPerNodeMb: memory.nodes / cluster.nodePids.length,
    brokerRssMb: memory.broker,
  }
}

const latencies = (what: string, { p50Ms, p99Ms }: Times): Figures =>
  p50Ms === null || p99Ms === null ? {} : { [`${what}P50Ms`]: p50Ms, [`${what}P99Ms`]: p99Ms }

/** Ours elsewhere ÷ ours at the publisher's node. */
function addedLatency(rows: readonly Row[]): Record<string, number> {
  const small = rows.find(({ name, load }) => name === OURS && load === 'small-room')
  const ratios: Record<string, number> = {}
  for (const figure of ['P50Ms', 'P99Ms']) {
    const [other, same] = [small?.[`otherNode${figure}`], small?.[`sameNode${figure}`]]
    if (typeof other !== 'number' || typeof same !== 'number') continue
    ratios[`otherNode${figure}/own-same-node@small-room`] = rounded(other / same)
  }
  return ratios
}
