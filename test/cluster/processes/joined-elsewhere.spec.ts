/** A join that a cut-off node could not save, and so refused; the same user joins on another node meanwhile. */
import { describe, expect, test } from 'vitest'
import { join } from '../../support/chat-user.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { BreakablePath } from './breakable-path.js'
import { clusterOfProcesses } from './cluster-of-processes.js'

const TIMEOUT_MS = 40_000
const CUT_OFF = 2
const ROOM = 'lobby'

describe.skipIf(isNatsMissing)('a join that was refused by a node cut off from NATS', () => {
  const processes = clusterOfProcesses()

  test('does not undo the join on another node', { timeout: TIMEOUT_MS }, async () => {
    const { url, port } = processes.nats
    const path = await BreakablePath.to(port)
    const cluster = await processes.start({ urls: [url, url, path.url] })
    const bob = await cluster.user('bob', 0)
    const refused = await cluster.user('alice', CUT_OFF)
    path.refuse()
    await expect.poll(() => cluster.node(CUT_OFF).readiness()).toMatchObject({ status: 503 })
    expect(await refused.refusalOf((correlation) => join(ROOM, correlation))).toBe('LOG_UNAVAILABLE')

    const alice = await cluster.user('alice', 1)
    await alice.join(ROOM)
    await bob.join(ROOM)
    path.mend()
    await expect.poll(() => cluster.node(CUT_OFF).readiness()).toMatchObject({ status: 200 })
    // It has saved, by now, what it could not save before.
    await expect.poll(() => refused.answerTo((correlation) => join('another room', correlation))).toBe('joined')
    expect(await bob.request('rooms.members', { room: ROOM })).toMatchObject({
      members: [{ user: 'alice' }, { user: 'bob' }],
    })
    await bob.says(ROOM, 'hello')
    await alice.hears(ROOM, ['+bob', 'hello'])
  })
})
