/** All nodes are replaced one after the other under load, as an upgrade does it: SIGTERM, wait, start again. */
import { describe, expect, test } from 'vitest'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterOfProcesses } from './cluster-of-processes.js'

const TIMEOUT_MS = 90_000
/** Together 500 messages a second. */
const SENDERS = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`sender-${index}`, 100]))
const READERS = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`reader-${index}`, 0]))
const DRAIN_TIMEOUT_MS = 4_000

describe.skipIf(isNatsMissing)('an upgrade of all nodes', () => {
  const processes = clusterOfProcesses()

  test('loses no message, doubles none and leaves nobody in doubt', { timeout: TIMEOUT_MS }, async () => {
    const cluster = await processes.start({
      settings: { NESTWIRE_DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS), NESTWIRE_CLUSTER_ROUTING: 'redirect' },
    })
    const crowd = await cluster.libraryCrowd({ ...SENDERS, ...READERS })
    for (const node of cluster.nodes) {
      await crowd.acknowledges(500)
      expect(await node.drain()).toBe(0)
      await node.start()
    }
    await crowd.acknowledges(500)
    const { sent, acknowledged, refused, doubtful, gaps } = await crowd.judge(cluster.node(0).port)
    expect({ acknowledged, refused, doubtful, gaps }).toEqual({ acknowledged: sent, refused: 0, doubtful: 0, gaps: 0 })
  })
})
