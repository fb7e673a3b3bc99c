/** What a node of a cluster says of the others and of NATS. */
import { describe, expect, test } from 'vitest'
import { clusters } from '../cluster/chat-nodes.js'
import { isNatsMissing } from '../support/nats-server.js'
import { expectFigures, scrape } from './scrape.js'

describe.skipIf(isNatsMissing)('a node of a cluster', () => {
  const newCluster = clusters()

  test('counts its nodes, its heartbeats and what it knows of the state', async () => {
    const { start } = newCluster()
    const [a, b] = [await start('a'), await start('b')]
    await expectFigures(a, {
      nats_up: 1,
      nats_disconnects_total: 0,
      redirects_total: 0,
      'cluster_nodes{state="up"}': 2,
      'cluster_nodes{state="silent"}': 0,
      nats_heartbeat_seconds_count: 1,
      // an entry for each node
      state_entries: 2,
    })
    a.clock.advance(1_000)
    await expectFigures(a, { nats_heartbeat_seconds_count: 2 })
    void b.server.close()
    await expectFigures(a, { 'cluster_nodes{state="up"}': 1 })
    const { figures } = await scrape(a)
    expect(figures.has('log_bytes')).toBe(false)
  })

  test('says that NATS is gone and that it is back', async () => {
    const { start, server } = newCluster()
    const a = await start('a')
    await server.stop()
    await expectFigures(a, { nats_up: 0, nats_disconnects_total: 1, log_up: 0 })
    await server.restart()
    await expectFigures(a, { nats_up: 1, log_up: 1 })
  })
})
