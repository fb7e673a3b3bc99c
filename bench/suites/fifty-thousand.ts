/**
 * One message to 50,000 members of one room over three nodes, closed loop: the next is published when everybody has the
 * one before. Beside it three C floors with a third of the members each, which know nothing of each other: one sender tells
 * all three. Both are there at once, and take turns broadcast by broadcast.
 *
 * toLastMs: from publishing to the last receipt; P50, Min and Max over the broadcasts. totalRssMb: all nodes after the last
 * broadcast, without NATS, which is natsRssMb; totalRssPeakMb: the sum of the most that each node ever took. cpuPercent:
 * processor time of all nodes, of one core, while broadcasts are under way; natsCpuPercent likewise. joinsPerSecond: from the
 * first SYN to the last one joined, tokens checked and memberships stored.
 */
import {
  readClusterCpuUs,
  readClusterMemoryMb,
  withClusters,
  type ClusterContestant,
  type ClusterCpuUs,
} from '../cluster-contest.js'
import { CLUSTER_SETTINGS, emptyClusterRows, type Cluster, type ClusterName } from '../clusters.js'
import { mistakeIn } from '../contest-turns.js'
import { MESSAGE_BYTES } from '../load/numbered-message.js'
import { RoomLoad, type LoadResult } from '../load/room-load.js'
import { interleave } from '../rounds.js'
import { median, ratiosOf, rounded } from '../statistics.js'
import { OURS, type Row, type Suite } from '../suite.js'

const FULL = { members: 50_000, nodes: 3, broadcasts: 10 }
const QUICK = { members: 6_000, nodes: 3, broadcasts: 5 }
const NAMES: readonly ClusterName[] = [OURS, 'c-floor']

interface Broadcast extends LoadResult {
  readonly cpuUs: ClusterCpuUs
}

export const fiftyThousand: Suite = {
  question: '1 message to 50,000 members over three nodes: time until the last has it, and the memory of the nodes',
  async run({ isQuick, progress }) {
    const params = isQuick ? QUICK : FULL
    const { members, nodes, broadcasts } = params
    const enter = {
      names: NAMES,
      nodes,
      enter: (cluster: Cluster) => RoomLoad.open(cluster, { members }),
    }
    progress(`${members} members join ${NAMES.join(', then ')}`)
    const rows = await withClusters(enter, async (contestants) => {
      progress(`${broadcasts} broadcasts`)
      const turns = await interleave(contestants, broadcasts, broadcast)
      return turns.map(({ contestant, results }) => rowOf(contestant, results, params))
    })
    const failures = rows.flatMap(({ name, mistake }) =>
      name === OURS && mistake !== undefined ? [String(mistake)] : [],
    )
    rows.push(...emptyClusterRows(NAMES, { members, nodes }))
    return {
      params: { ...params, messageBytes: MESSAGE_BYTES, settings: CLUSTER_SETTINGS },
      rows,
      ratios: ratiosOf(rows, ['toLastMsP50', 'toLastMsMax', 'cpuPercent'], 'members'),
      failures,
    }
  },
}

async function broadcast({ cluster, load }: ClusterContestant<RoomLoad>): Promise<Broadcast> {
  const before = readClusterCpuUs(cluster)
  const result = await load.broadcast()
  const after = readClusterCpuUs(cluster)
  return { ...result, cpuUs: { nodes: after.nodes - before.nodes, broker: after.broker - before.broker } }
}

function rowOf(
  { name, cluster, load }: ClusterContestant<RoomLoad>,
  results: readonly Broadcast[],
  { members, nodes }: typeof FULL,
): Row {
  const lost = results.reduce((sum, result) => sum + result.lost, 0)
  const mistake = results.map(mistakeIn).find((each) => each !== undefined)
  if (mistake !== undefined) return { name, members, nodes, lost, mistake }
  const toLastMs = results.map(({ elapsedMs }) => elapsedMs)
  const elapsedMs = toLastMs.reduce((sum, ms) => sum + ms, 0)
  const percent = (part: keyof ClusterCpuUs): number =>
    rounded(results.reduce((sum, { cpuUs }) => sum + cpuUs[part], 0) / 10 / elapsedMs)
  const memory = readClusterMemoryMb(cluster)
  return {
    name,
    members,
    nodes,
    toLastMsP50: rounded(median(toLastMs)),
    toLastMsMin: rounded(Math.min(...toLastMs)),
    toLastMsMax: rounded(Math.max(...toLastMs)),
    lost,
    totalRssMb: rounded(memory.nodes),
    totalRssPeakMb: rounded(memory.nodesPeak),
    cpuPercent: percent('nodes'),
    joinsPerSecond: rounded((members * 1_000) / load.joinMs),
    ...(cluster.brokerPid === undefined
      ? {}
      : { natsRssMb: rounded(memory.broker), natsCpuPercent: percent('broker') }),
  }
}
