/** Of three NATS servers that keep every record, the one that leads the log dies under load. */
import { describe, expect, test } from 'vitest'
import { isNatsMissing, leaderOf } from '../../support/nats-server.js'
import { clusterOfProcesses, SIX } from './cluster-of-processes.js'

const TIMEOUT_MS = 90_000
/** Elections for the log, the state and the servers themselves take 4 to 9 s. */
const ELECTION_MS = 40_000

describe.skipIf(isNatsMissing)('three NATS servers', () => {
  const processes = clusterOfProcesses(3)

  test('keep what was acknowledged when the leader of the log dies', { timeout: TIMEOUT_MS }, async () => {
    const cluster = await processes.start()
    const crowd = await cluster.wireCrowd(SIX)
    await crowd.acknowledges(300)
    const leader = await leaderOf(`${cluster.name}-log`, processes.servers)
    await leader.stop('SIGKILL')
    await crowd.acknowledges(300, ELECTION_MS)
    await leader.restart()
    await crowd.acknowledges(100, ELECTION_MS)
    const { connections, gaps } = await crowd.judge(cluster.node(0).port)
    expect({ connections, gaps }).toEqual({ connections: Object.keys(SIX).length, gaps: 0 })
  })
})
