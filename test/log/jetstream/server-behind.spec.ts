/** A node whose server is behind the others knows what they have acknowledged all the same. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { ManualClock } from '../../support/manual-clock.js'
import { isNatsMissing, leaderOf, startThreeServers, type NatsServer } from '../../support/nats-server.js'
import { newName, openNode } from './cluster-nodes.js'

const lobby = roomId('lobby')
const record = { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.alloc(8_000) }
const START_MS = 60_000
/** By so many records the frozen server is behind. */
const MISSED = 2_000
const ASKED = 20
const ROUNDS = 3

describe.skipIf(isNatsMissing)('a node at a server that is behind', () => {
  let servers: readonly NatsServer[] = []
  beforeAll(async () => {
    servers = await startThreeServers()
  }, START_MS)
  afterAll(() => Promise.all(servers.map((server) => server.discard())))

  test(
    'is told of every acknowledged record when it asks for the end of a room',
    async () => {
      const common = { NESTWIRE_CLUSTER_NAME: newName(), NESTWIRE_CLUSTER_REPLICAS: '3' }
      const open = (...at: NatsServer[]) =>
        openNode({ ...common, NESTWIRE_CLUSTER_URL: at.map(({ url }) => url).join(',') }, new ManualClock())
      const { stream, state } = await open(...servers)
      const leader = await leaderOf(stream.name, servers)
      const leaders = [leader, await leaderOf(state.streamName, servers)]
      const follower = servers.find((server) => !leaders.includes(server))
      if (follower === undefined) throw new Error('every server leads')
      const [{ log: ahead }, { log: behind }] = [await open(leader), await open(follower)]
      for (let round = 0; round < ROUNDS; round += 1) {
        follower.freeze()
        const placed = await Promise.all(Array.from({ length: MISSED }, () => ahead.append(lobby, record, 'normal')))
        const asked = Array.from({ length: ASKED }, () => behind.head(lobby))
        // The questions are on their way before the server goes on.
        await nextTurn()
        follower.thaw()
        const acknowledged = Math.max(...placed.map(({ seq }) => seq))
        for (const { seq } of await Promise.all(asked)) expect(seq).toBe(acknowledged)
      }
    },
    START_MS,
  )
})
