/** The only NATS server is stopped under load and comes back: clients stay, and miss nothing. */
import { describe, expect, test } from 'vitest'
import { isNatsMissing } from '../../support/nats-server.js'
import type { Cluster } from './cluster-of-processes.js'
import { clusterOfProcesses, SIX } from './cluster-of-processes.js'

const TIMEOUT_MS = 60_000
const CONNECTIONS = Object.keys(SIX).length

/** Of all nodes. */
async function expectReadiness(cluster: Cluster, status: number, reason: string): Promise<void> {
  for (const node of cluster.nodes) {
    const reasons = expect.stringContaining(reason)
    await expect.poll(() => node.readiness(), { timeout: 20_000 }).toEqual({ status, reasons })
  }
}

describe.skipIf(isNatsMissing)('a NATS server that comes back', () => {
  const processes = clusterOfProcesses()

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`after ${signal}, keeps what was acknowledged and loses no client`, { timeout: TIMEOUT_MS }, async () => {
      const cluster = await processes.start()
      const crowd = await cluster.wireCrowd(SIX)
      await crowd.acknowledges(500)
      await processes.nats.stop(signal)
      await expectReadiness(cluster, 503, 'NATS')
      const { refused } = crowd.figures
      await expect.poll(() => crowd.figures.refused).toBeGreaterThan(refused + 50)
      await processes.nats.restart()
      await expectReadiness(cluster, 200, '')
      await crowd.acknowledges(300)
      const { connections } = await crowd.judge(cluster.node(0).port)
      expect(connections).toBe(CONNECTIONS)
    })
  }
})
