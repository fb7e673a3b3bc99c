/** Chat across nodes: whoever is where, everybody is shown the same. */
import { describe, expect, test } from 'vitest'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterOfProcesses, SIX } from './cluster-of-processes.js'

const TIMEOUT_MS = 60_000

describe.skipIf(isNatsMissing)('a cluster of three nodes', () => {
  const processes = clusterOfProcesses()

  test('shows the same order on the wire of every node', { timeout: TIMEOUT_MS }, async () => {
    const cluster = await processes.start()
    const crowd = await cluster.wireCrowd(SIX)
    await crowd.acknowledges(1_000)
    const { refused, doubtful, gaps } = await crowd.judge(cluster.node(0).port)
    expect({ refused, doubtful, gaps }).toEqual({ refused: 0, doubtful: 0, gaps: 0 })
  })

  test('shows the same order to users of the client library', { timeout: TIMEOUT_MS }, async () => {
    const cluster = await processes.start()
    const crowd = await cluster.libraryCrowd({ 'user-1': 100, 'user-2': 100, 'user-3': 100 })
    await crowd.acknowledges(1_000)
    const { refused, doubtful } = await crowd.judge(cluster.node(0).port)
    expect({ refused, doubtful }).toEqual({ refused: 0, doubtful: 0 })
  })
})
