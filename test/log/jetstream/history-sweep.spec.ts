/** A sweep removes only what is old or gone for all, and holds up no shutdown. */
import { jetstreamManager } from '@nats-io/jetstream'
import { describe, expect, test } from 'vitest'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, storedIn, type ClusterNode } from './cluster-nodes.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const plenty = { maxRecords: 1_000, maxBytes: 1_000_000 }

/** From here on the node hears of no change of the state, until it looks again. */
async function deafen({ link, state }: ClusterNode): Promise<void> {
  const { consumers } = await jetstreamManager(link.connection, { checkAPI: false })
  for await (const { name } of consumers.list(state.streamName)) await consumers.delete(state.streamName, name)
}

describe.skipIf(isNatsMissing)('a sweep', () => {
  const nodes = clusterNodes()

  test('keeps the records of a room that began anew before this node heard of it', async () => {
    const behind = await nodes.open()
    const { log } = await behind.sibling()
    await log.append(lobby, text('old'), 'normal')
    expect(await behind.log.readAfter(lobby, NO_SEQ, plenty)).toHaveLength(1)
    await deafen(behind)
    await log.deleteRoom(lobby)
    await log.append(lobby, text('acknowledged'), 'normal')
    await behind.log.sweep()
    expect(await log.readAfter(lobby, NO_SEQ, plenty)).toMatchObject([{ body: Buffer.from('acknowledged') }])
  })

  test('ends with the room at hand when the log is closed', async () => {
    const { log, clock, link, stream } = await nodes.open({ NESTWIRE_HISTORY_MAX_AGE_MS: '60000' })
    const rooms = Array.from({ length: 20 }, (_, index) => roomId(`r${index}`))
    for (const room of rooms) for (const body of ['m1', 'm2']) await log.append(room, text(body), 'normal')
    clock.advance(61_000)
    // Each room keeps the newest, by which its chain goes on: a whole sweep leaves 20.
    void log.sweep()
    await log.close()
    expect(await storedIn(link, stream.name)).toBeGreaterThanOrEqual(39)
  })
})
