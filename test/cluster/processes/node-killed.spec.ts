/** SIGKILL under load: clients of that node come back on another one and go on where they were. */
import { describe, expect, test } from 'vitest'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterOfProcesses, SIX } from './cluster-of-processes.js'

const TIMEOUT_MS = 60_000
const DEATHS = 2

describe.skipIf(isNatsMissing)('a node that is killed', () => {
  const processes = clusterOfProcesses()

  test('takes nothing acknowledged along, and nobody hears anything twice', { timeout: TIMEOUT_MS }, async () => {
    const cluster = await processes.start({ settings: { NESTWIRE_CLUSTER_ROUTING: 'redirect' } })
    const crowd = await cluster.wireCrowd(SIX)
    for (let death = 0; death < DEATHS; death += 1) {
      const node = cluster.node(death)
      await crowd.acknowledges(300)
      await node.kill()
      await crowd.acknowledges(300)
      await node.start()
    }
    const { connections, roomsResumedWhole, gaps } = await crowd.judge(cluster.node(0).port)
    // Who was on the dead node, at least.
    expect(connections).toBeGreaterThanOrEqual(Object.keys(SIX).length + DEATHS)
    expect(roomsResumedWhole).toBeGreaterThanOrEqual(DEATHS)
    expect(gaps).toBe(0)
  })
})
