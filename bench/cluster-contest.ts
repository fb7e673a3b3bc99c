/** Clusters of a suite: each running, with its own load, so that they can be measured in turns. */
import { isClusterMissing, startCluster, type Cluster, type ClusterName } from './clusters.js'
import { readCpuUs } from './load/process-cpu.js'
import { readUsage } from './process-usage.js'

export interface ClusterLoad {
  close(): Promise<void>
}

export interface ClusterContestant<Load> {
  readonly name: ClusterName
  readonly cluster: Cluster
  readonly load: Load
}

interface ContestOptions<Load> {
  readonly names: readonly ClusterName[]
  readonly nodes: number
  /** Fills its rooms. */
  readonly enter: (cluster: Cluster) => Promise<Load>
}

/** Runs `measure` with those that can be had, which came one after the other; ends them all, whatever happens. */
export async function withClusters<Load extends ClusterLoad, Result>(
  { names, nodes, enter }: ContestOptions<Load>,
  measure: (contestants: readonly ClusterContestant<Load>[]) => Promise<Result>,
): Promise<Result> {
  const clusters: Cluster[] = []
  const contestants: ClusterContestant<Load>[] = []
  try {
    for (const name of names.filter((each) => !isClusterMissing(each))) {
      const cluster = await startCluster(name, nodes)
      clusters.push(cluster)
      contestants.push({ name, cluster, load: await enter(cluster) })
    }
    return await measure(contestants)
  } finally {
    await Promise.all(contestants.map(({ load }) => load.close()))
    await Promise.all(clusters.map((cluster) => cluster.close()))
  }
}

export interface ClusterCpuUs {
  readonly nodes: number
  /** 0 without one. */
  readonly broker: number
}

/** Processor time so far, of all nodes and of what they meet at. */
export function readClusterCpuUs({ nodePids, brokerPid }: Cluster): ClusterCpuUs {
  const nodes = nodePids.reduce((sum, pid) => sum + readCpuUs(pid), 0)
  return { nodes, broker: brokerPid === undefined ? 0 : readCpuUs(brokerPid) }
}

export interface ClusterMemoryMb {
  readonly nodes: number
  /** The most that each ever took. */
  readonly nodesPeak: number
  readonly broker: number
}

export function readClusterMemoryMb({ nodePids, brokerPid }: Cluster): ClusterMemoryMb {
  const usages = nodePids.map((pid) => readUsage(pid))
  const nodes = usages.reduce((sum, { rssKb }) => sum + rssKb, 0) / 1_024
  const nodesPeak = usages.reduce((sum, { peakRssKb }) => sum + peakRssKb, 0) / 1_024
  return { nodes, nodesPeak, broker: brokerPid === undefined ? 0 : readUsage(brokerPid).rssKb / 1_024 }
}
