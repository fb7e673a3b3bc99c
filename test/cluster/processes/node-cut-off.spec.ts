/** One node loses its way to NATS while the others have theirs: by a reset, and in silence. */
import { describe, expect, test } from 'vitest'
import { ErrorCode, errorCodeName } from '../../../src/protocol/error-codes.js'
import { publish } from '../../support/chat-user.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { BreakablePath } from './breakable-path.js'
import { clusterOfProcesses, ROOMS, SIX } from './cluster-of-processes.js'

const TIMEOUT_MS = 60_000
const CONNECTIONS = Object.keys(SIX).length
const CUT_OFF = 2
/** How long a write waits for an answer of NATS. */
const NATS_TIMEOUT_MS = 5_000
const [ROOM] = ROOMS

describe.skipIf(isNatsMissing)('a node cut off from NATS', () => {
  const processes = clusterOfProcesses()

  for (const how of ['refuse', 'silence'] as const) {
    test(`${how}: refuses at once, keeps its clients, and they miss nothing`, { timeout: TIMEOUT_MS }, async () => {
      const { url, port } = processes.nats
      const path = await BreakablePath.to(port)
      const cluster = await processes.start({ urls: [url, url, path.url] })
      const cutOff = cluster.node(CUT_OFF)
      const crowd = await cluster.wireCrowd(SIX)
      const alice = await cluster.user('alice', CUT_OFF)
      await alice.join(ROOM)
      await crowd.acknowledges(300)

      path[how]()
      await expect.poll(() => cutOff.readiness(), { timeout: 20_000 }).toMatchObject({ status: 503 })
      const correlation = alice.nextCorrelation()
      const askedAtMs = performance.now()
      alice.send(publish(ROOM, 'refused', correlation))
      const answer = await alice.find((packet) => packet.kind === 'error' && packet.correlation === correlation)
      // Not after NATS has been waited for.
      expect(performance.now() - askedAtMs).toBeLessThan(NATS_TIMEOUT_MS)
      expect(answer).toMatchObject({ code: ErrorCode.LogUnavailable, retryAfterMs: expect.any(Number) })
      expect(answer.kind === 'error' && answer.retryAfterMs, errorCodeName(ErrorCode.LogUnavailable)).toBeGreaterThan(0)
      await expect(cluster.node(0).readiness()).resolves.toMatchObject({ status: 200 })
      await crowd.acknowledges(300)

      path.mend()
      await expect.poll(() => cutOff.readiness(), { timeout: 20_000 }).toMatchObject({ status: 200 })
      await crowd.acknowledges(300)
      const { connections } = await crowd.judge(cutOff.port)
      expect(connections).toBe(CONNECTIONS)
    })
  }
})
