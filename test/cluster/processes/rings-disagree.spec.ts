/**
 * Nodes that do not see the same nodes send clients to each other: one is cut off from NATS and keeps its last view, while a
 * fourth comes that it does not know.
 */
import { describe, expect, test } from 'vitest'
import { isNatsMissing } from '../../support/nats-server.js'
import { BreakablePath } from './breakable-path.js'
import { clusterOfProcesses, READS, SENDS } from './cluster-of-processes.js'

const TIMEOUT_MS = 60_000
const CUT_OFF = 2
/** Enough for every pair of owners. */
const READERS = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`reader-${index}`, READS]))

describe.skipIf(isNatsMissing)('nodes whose rings disagree', () => {
  const processes = clusterOfProcesses()

  test('send nobody round more than twice, and all end connected', { timeout: TIMEOUT_MS }, async () => {
    const { url, port } = processes.nats
    const path = await BreakablePath.to(port)
    const cluster = await processes.start({
      urls: [url, url, path.url],
      settings: { NESTWIRE_CLUSTER_ROUTING: 'redirect' },
    })
    path.silence()
    const cutOff = cluster.node(CUT_OFF)
    await expect.poll(() => cutOff.readiness(), { timeout: 20_000 }).toMatchObject({ status: 503 })
    await cluster.addNode(url)
    const crowd = await cluster.wireCrowd({ 'sender-1': SENDS, 'sender-2': SENDS, ...READERS })
    await crowd.acknowledges(200)
    path.mend()
    await expect.poll(() => cutOff.readiness(), { timeout: 20_000 }).toMatchObject({ status: 200 })
    await crowd.acknowledges(200)
    const { redirects } = await crowd.judge(cluster.node(0).port)
    expect(redirects).toBeGreaterThan(0)
  })
})
