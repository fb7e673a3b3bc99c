/** Settings that are properties of the stream, changed while nodes run. */
import { jetstreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadSettings, type Environment } from '../../../src/config/load-settings.js'
import { KEPT_LONGER_MS, SPARE_MS } from '../../../src/log/recent-ids.js'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { refusal } from '../../rooms/room-stack.js'
import { temporaryFile } from '../../auth/key-files.js'
import { ManualClock } from '../../support/manual-clock.js'
import { isNatsMissing, NatsServer } from '../../support/nats-server.js'
import { clusterNodes, newName, openNode, SHARED_SECRETS, type ClusterNode } from './cluster-nodes.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const aged = (ageMs: number, byte: number) => ({ ...text('again'), id: { messageId: Buffer.alloc(16, byte), ageMs } })

function change({ settings }: ClusterNode, env: Environment): Promise<() => void> {
  const { cluster } = settings.current
  return settings.prepare({ ...loadSettings({ ...SHARED_SECRETS, ...env }), cluster })
}

async function limitsOf({ link, stream }: ClusterNode) {
  const manager = await jetstreamManager(link.connection, { checkAPI: false })
  const { max_msgs_per_subject: records, duplicate_window: window } = (await manager.streams.info(stream.name)).config
  return { records, window }
}

describe.skipIf(isNatsMissing)('the stream follows the settings', () => {
  const nodes = clusterNodes()

  test('of history and of repeats', async () => {
    const node = await nodes.open({ NESTWIRE_HISTORY_MAX_RECORDS: '5', NESTWIRE_DEDUP_WINDOW_MS: '1000' })
    for (let n = 0; n < 8; n += 1) await node.log.append(lobby, text(`m${n}`), 'normal')
    const kept = async () => (await node.log.readAfter(lobby, NO_SEQ, { maxRecords: 100, maxBytes: 10_000 })).length
    expect(await kept()).toBe(5)
    const commit = await change(node, { NESTWIRE_HISTORY_MAX_RECORDS: '7', NESTWIRE_DEDUP_WINDOW_MS: '3000' })
    commit()
    const window = nanos(3_000 + KEPT_LONGER_MS + SPARE_MS)
    await expect.poll(() => limitsOf(node)).toEqual({ records: 8, window })
    for (let n = 0; n < 8; n += 1) await node.log.append(lobby, text(`n${n}`), 'normal')
    expect(await kept()).toBe(7)
  })

  test('but messages that NATS would not take are refused before anything changes', async () => {
    const server = await NatsServer.start(['-c', await temporaryFile('max_payload: 40000')])
    onTestFinished(() => server.discard())
    const env = { NESTWIRE_CLUSTER_URL: server.url, NESTWIRE_CLUSTER_NAME: newName() }
    const node = await openNode(env, new ManualClock())
    await expect(change(node, { NESTWIRE_MAX_MESSAGE_BYTES: '38976' })).resolves.toBeDefined()
    await expect(change(node, { NESTWIRE_MAX_MESSAGE_BYTES: '38977' })).rejects.toThrow('max_payload of NATS is 40000')
  })

  test('a longer window counts for what is sent from then on', async () => {
    const node = await nodes.open({ NESTWIRE_DEDUP_WINDOW_MS: '1000' })
    await expect(node.log.append(lobby, aged(1_001, 1), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
    const commit = await change(node, { NESTWIRE_DEDUP_WINDOW_MS: '3000' })
    commit()
    await expect(node.log.append(lobby, aged(1_001, 2), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
    await expect.poll(() => node.stream.dedupWindowMs).toBe(3_000)
    expect((await node.log.append(lobby, aged(1_000, 3), 'normal')).isRepeat).toBe(false)
    node.clock.advance(500)
    expect((await node.log.append(lobby, aged(1_500, 4), 'normal')).isRepeat).toBe(false)
    await expect(node.log.append(lobby, aged(1_501, 5), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
    node.clock.advance(60_000)
    expect((await node.log.append(lobby, aged(3_000, 6), 'normal')).isRepeat).toBe(false)
    await expect(node.log.append(lobby, aged(3_001, 7), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
  })

  test('so does one that a later start has brought', async () => {
    const before = await nodes.open({ NESTWIRE_DEDUP_WINDOW_MS: '1000' })
    const after = await before.sibling({ NESTWIRE_DEDUP_WINDOW_MS: '3000' })
    await expect(after.log.append(lobby, aged(1_001, 1), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
    expect((await after.log.append(lobby, aged(1_000, 2), 'normal')).isRepeat).toBe(false)
    after.clock.advance(2_000)
    expect((await after.log.append(lobby, aged(3_000, 3), 'normal')).isRepeat).toBe(false)
    await expect(after.log.append(lobby, aged(3_001, 4), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
  })

  test('a window that another node has made shorter counts for all, once the stream was looked at', async () => {
    const node = await nodes.open({ NESTWIRE_DEDUP_WINDOW_MS: '3000' })
    await node.sibling({ NESTWIRE_DEDUP_WINDOW_MS: '1000' })
    await node.stream.end()
    await expect(node.log.append(lobby, aged(1_001, 1), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
    expect((await node.log.append(lobby, aged(1_000, 2), 'normal')).isRepeat).toBe(false)
  })

  test('a longer window that NATS was not there to hear of counts for nothing', async () => {
    const server = await NatsServer.start()
    onTestFinished(() => server.discard())
    const env = { NESTWIRE_CLUSTER_URL: server.url, NESTWIRE_CLUSTER_NAME: newName(), NESTWIRE_DEDUP_WINDOW_MS: '1000' }
    const node = await openNode(env, new ManualClock())
    await server.stop()
    await expect.poll(() => node.link.fault()).toBeDefined()
    const commit = await change(node, { NESTWIRE_DEDUP_WINDOW_MS: '3000' })
    commit()
    await server.restart()
    await expect.poll(() => node.link.fault()).toBeUndefined()
    node.clock.advance(60_000)
    await expect(node.log.append(lobby, aged(1_001, 1), 'normal')).rejects.toEqual(refusal('OUTCOME_UNKNOWN'))
    expect((await node.log.append(lobby, aged(1_000, 2), 'normal')).isRepeat).toBe(false)
  })
})
