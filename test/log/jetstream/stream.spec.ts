/** What one stream for all rooms must not break: names, chains, retention, old servers. */
import { headers } from '@nats-io/transport-node'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { loadSettings } from '../../../src/config/load-settings.js'
import { Settings } from '../../../src/config/settings.js'
import { StartUpError } from '../../../src/config/start-up-error.js'
import { LogStream } from '../../../src/log/jetstream/log-stream.js'
import { NatsLink } from '../../../src/log/jetstream/nats-link.js'
import { NO_SEQ, trustedSeq } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, newName, SHARED_SECRETS, storedIn } from './cluster-nodes.js'
import { RecordingFollower } from './recording-follower.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const plenty = { maxRecords: 1_000, maxBytes: 1_000_000 }
const bodies = (records: readonly { readonly body: Buffer }[]) => records.map(({ body }) => body.toString())

describe.skipIf(isNatsMissing)('the stream of all rooms', () => {
  const nodes = clusterNodes()

  test.each(['*', '>', 'a.b', 'a.*', '.', 'nestwire.log.>', '$JS.API', 'кухня', '\u{1F600}', 'x'.repeat(128)])(
    'a room may be called %s',
    async (name) => {
      const { log } = await nodes.open()
      const [odd, other] = [roomId(name), roomId('other')]
      const follower = new RecordingFollower()
      await log.follow(odd, follower)
      await log.append(other, text('theirs'), 'normal')
      await log.append(odd, text('ours'), 'normal')
      expect(bodies(await log.readAfter(odd, NO_SEQ, plenty))).toEqual(['ours'])
      await expect.poll(() => follower.told).toEqual(['ours normal'])
      await log.deleteRoom(odd)
      expect(bodies(await log.readAfter(other, NO_SEQ, plenty))).toEqual(['theirs'])
    },
  )

  test('a trim keeps the chain, on every node', async () => {
    const { log: here, sibling, state } = await nodes.open()
    const { log: there, state: other } = await sibling()
    const placed = [await here.append(lobby, text('m1'), 'normal'), await here.append(lobby, text('m2'), 'normal')]
    const last = trustedSeq(placed[1]?.seq ?? 0)
    await here.trim(lobby, last)
    await expect.poll(() => other.current(['epoch', 'lobby'])).toEqual(state.current(['epoch', 'lobby']))
    expect(await there.readAfter(lobby, NO_SEQ, plenty)).toEqual([])
    const follower = new RecordingFollower()
    await there.follow(lobby, follower)
    await expect.poll(() => follower.position).toBe(last)
    await here.append(lobby, text('m3'), 'normal')
    await expect.poll(() => follower.told).toEqual(['more', 'm3 normal'])
    expect(await there.readAfter(lobby, NO_SEQ, plenty)).toMatchObject([{ prev: last }])
    expect(await there.readAfter(lobby, last, plenty)).toMatchObject([{ prev: last }])
  })

  test('a trim of the first record of all removes no other', async () => {
    const { log } = await nodes.open()
    const { seq } = await log.append(lobby, text('m1'), 'normal')
    await log.append(lobby, text('m2'), 'normal')
    expect(seq).toBe(1)
    await log.trim(lobby, seq)
    expect(bodies(await log.readAfter(lobby, NO_SEQ, plenty))).toEqual(['m2'])
  })

  test('a sweep removes what is too old, and keeps the chain', async () => {
    const { log, clock, link, stream } = await nodes.open({ NESTWIRE_HISTORY_MAX_AGE_MS: '60000' })
    for (let index = 0; index < 20; index += 1) {
      await log.append(lobby, text(`m${index}`), 'normal')
      await log.append(roomId('attic'), text('noise'), 'normal')
      clock.advance(5_000)
    }
    await log.sweep()
    const records = await log.readAfter(lobby, NO_SEQ, plenty)
    expect(records[0]).toMatchObject({ body: Buffer.from('m9'), prev: 17 })
    expect(await storedIn(link, stream.name)).toBe(2 * (records.length + 1))
  })

  test('a sweep keeps a record that a later version wrote', async () => {
    const { log, clock, link, stream, state } = await nodes.open({ NESTWIRE_HISTORY_MAX_AGE_MS: '1000' })
    link.connection.publish(stream.subjects.log(lobby, 0), Buffer.of(255))
    await expect.poll(() => storedIn(link, stream.name)).toBe(1)
    clock.advance(2_000)
    await log.sweep()
    expect(await log.readAfter(lobby, NO_SEQ, plenty)).toEqual([])
    expect(state.current(['epoch', 'lobby'])).toBeUndefined()
  })

  test('a sweep leaves rooms of other nodes alone, and removes what was appended to a deleted one', async () => {
    const { log, stream, link, state } = await nodes.open()
    await log.append(lobby, text('old'), 'normal')
    await log.deleteRoom(lobby)
    await expect.poll(() => state.current(['epoch', 'lobby'])).toBeDefined()
    link.connection.publish(stream.subjects.log(lobby, 0), 'late')
    await expect.poll(() => storedIn(link, stream.name)).toBe(1)
    await log.sweep()
    expect(await storedIn(link, stream.name)).toBe(0)
  })

  test('reads in chunks of any size give the same', async () => {
    const { log } = await nodes.open()
    const all = Array.from({ length: 700 }, (_, index) => `m${index}`)
    await Promise.all(all.map((body) => log.append(lobby, text(body), 'normal')))
    for (const maxRecords of [1_000, 333, 64]) {
      const read: string[] = []
      for (let position = NO_SEQ; read.length < all.length;) {
        const records = await log.readAfter(lobby, position, { maxRecords, maxBytes: 1_000_000 })
        read.push(...bodies(records))
        expect(records[0]?.prev).toBe(position)
        position = records.at(-1)?.seq ?? position
      }
      expect(read).toEqual(all)
    }
  })

  test('the newest of a room that is a small part of the stream are found', async () => {
    const { log } = await nodes.open()
    const placed: number[] = []
    for (let index = 0; index < 12; index += 1) {
      placed.push((await log.append(lobby, text(`m${index}`), 'normal')).seq)
      await Promise.all(Array.from({ length: 60 }, () => log.append(roomId('attic'), text('noise'), 'normal')))
    }
    const records = await log.readBefore(lobby, trustedSeq(2 ** 40), { maxRecords: 5, maxBytes: 1_000_000 })
    expect(bodies(records)).toEqual(['m7', 'm8', 'm9', 'm10', 'm11'])
    expect(records.map(({ prev }) => prev)).toEqual(placed.slice(6, 11))
    expect(await log.readBefore(lobby, trustedSeq(2 ** 40), plenty)).toHaveLength(12)
  })

  test('nothing is asked of JetStream that came with 2.10', async () => {
    const asked: string[] = []
    const { log, link, state } = await nodes.open()
    const request = link.connection.request.bind(link.connection)
    vi.spyOn(link.connection, 'request').mockImplementation((subject, payload, options) => {
      asked.push(`${subject} ${payload?.toString() ?? ''} ${[...(options?.headers ?? headers())].join(' ')}`)
      return request(subject, payload, options)
    })
    await log.follow(lobby, new RecordingFollower())
    for (let index = 0; index < 5; index += 1) await log.append(lobby, text(`m${index}`), 'normal')
    await log.readAfter(lobby, NO_SEQ, plenty)
    await log.readBefore(lobby, trustedSeq(5), plenty)
    await log.trim(lobby, trustedSeq(3))
    await log.sweep()
    await state.replace(['room', 'lobby'], undefined, Buffer.from('x'))
    await log.deleteRoom(lobby)
    expect(asked.length).toBeGreaterThan(8)
    expect(
      asked.filter((line) => /filter_subjects|metadata|compression|Api-Level|"batch":\d+,"start/.test(line)),
    ).toEqual([])
  })

  test('one made with other settings stops the start', async () => {
    const name = newName()
    const settings = (env: Record<string, string>) =>
      new Settings(
        loadSettings({
          NESTWIRE_CLUSTER_URL: nodes.server.url,
          NESTWIRE_CLUSTER_NAME: name,
          ...SHARED_SECRETS,
          ...env,
        }),
      )
    const link = await NatsLink.open(settings({}).current.cluster, 'test')
    onTestFinished(() => link.close())
    await LogStream.open(link, settings({}))
    const other = LogStream.open(link, settings({ NESTWIRE_CLUSTER_REPLICAS: '3' }))
    await expect(other).rejects.toThrow(`stream ${name}-log has num_replicas 1, not 3`)
    await expect(other).rejects.toBeInstanceOf(StartUpError)
  })

  test('another count of records is taken over', async () => {
    const { log, sibling } = await nodes.open({ NESTWIRE_HISTORY_MAX_RECORDS: '5' })
    for (let index = 0; index < 8; index += 1) await log.append(lobby, text(`m${index}`), 'normal')
    const { log: smaller } = await sibling({ NESTWIRE_HISTORY_MAX_RECORDS: '2' })
    expect(bodies(await smaller.readAfter(lobby, NO_SEQ, plenty))).toEqual(['m6', 'm7'])
  })

  test('a server that is not there stops the start', async () => {
    const { cluster } = loadSettings({ NESTWIRE_CLUSTER_URL: 'nats://127.0.0.1:1', ...SHARED_SECRETS })
    const refused = NatsLink.open(cluster, 'test')
    await expect(refused).rejects.toBeInstanceOf(StartUpError)
    await expect(refused).rejects.toThrow('NATS at nats://127.0.0.1:1 cannot be used')
  })
})
