/** Three servers keep each record; the one that leads dies while a node appends. */
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { RoomLog } from '../../../src/log/room-log.js'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { systemClock } from '../../../src/clock.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing, startThreeServers, type NatsServer } from '../../support/nats-server.js'
import { newName, openNode } from './cluster-nodes.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const PIPELINED = 2_000
/** Of them at most, when the leader dies. */
const UNDER_WAY = 200
const START_MS = 60_000
/** Takes the servers 4 to 9 s, for the stream and for the cluster. */
const ELECTION_MS = 30_000

async function allOf(log: RoomLog): Promise<readonly string[]> {
  const read: string[] = []
  for (let position = NO_SEQ; ;) {
    const records = await log.readAfter(lobby, position, { maxRecords: 1_000, maxBytes: 1_000_000 })
    read.push(...records.map(({ body }) => body.toString()))
    position = records.at(-1)?.seq ?? position
    if (records.length === 0) return read
  }
}

describe.skipIf(isNatsMissing)('three servers', () => {
  let servers: readonly NatsServer[] = []
  beforeAll(async () => {
    servers = await startThreeServers()
  }, START_MS)
  afterAll(() => Promise.all(servers.map((server) => server.discard())))

  test(
    'keep every acknowledged record, in order and once, when the leader dies',
    async () => {
      const env = {
        NESTWIRE_CLUSTER_URL: servers.map(({ url }) => url).join(','),
        NESTWIRE_CLUSTER_NAME: newName(),
        NESTWIRE_CLUSTER_REPLICAS: '3',
      }
      const { log, link, stream } = await openNode(env, systemClock)
      const manager = await jetstreamManager(link.connection, { checkAPI: false })
      const leader = (await manager.streams.info(stream.name)).cluster?.leader ?? ''
      const outcomes: Promise<string>[] = []
      for (let index = 0; index < PIPELINED; index += 1) {
        const body = `m${index}`
        outcomes.push(
          log.append(lobby, text(body), 'normal').then(
            () => body,
            () => '',
          ),
        )
        if (index % 20 === 0) await log.head(lobby).catch(() => undefined)
        if (index === PIPELINED / 2) {
          await outcomes[index - UNDER_WAY]
          await servers[Number(leader.slice('server-'.length))]?.stop()
        }
      }
      const acknowledged = (await Promise.all(outcomes)).filter((body) => body !== '')
      expect(acknowledged.length).toBeGreaterThan(PIPELINED / 2 - UNDER_WAY)
      // Until the servers have elected another leader a read fails.
      const read = await vi.waitFor(() => allOf(log), { timeout: ELECTION_MS, interval: 250 })
      expect(read.filter((body) => acknowledged.includes(body))).toEqual(acknowledged)
      expect(new Set(read).size).toBe(read.length)
    },
    START_MS,
  )
})
