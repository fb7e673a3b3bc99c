/** What the stream hands on comes at most once; a follower learns of everything all the same. */
import { describe, expect, test, vi } from 'vitest'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, type ClusterNode } from './cluster-nodes.js'
import { followLive, RecordingFollower } from './recording-follower.js'

const lobby = roomId('lobby')
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })
const plenty = { maxRecords: 1_000, maxBytes: 1_000_000 }

/** Live messages whose body begins with "lost" do not reach the node. */
function loseLiveMessages({ link }: ClusterNode): void {
  const { connection } = link
  const subscribe = connection.subscribe.bind(connection)
  vi.spyOn(connection, 'subscribe').mockImplementation((subject, options) => {
    const callback = options?.callback
    if (callback === undefined || !subject.includes('.live.')) return subscribe(subject, options)
    return subscribe(subject, {
      ...options,
      callback: (error, message) => (Buffer.from(message.data).includes('lost') ? undefined : callback(error, message)),
    })
  })
}

describe.skipIf(isNatsMissing)('a follower of a room', () => {
  const nodes = clusterNodes()

  test('is told of records of all nodes, its own too, in order', async () => {
    const here = await nodes.open()
    const there = await here.sibling()
    const follower = new RecordingFollower()
    await followLive(here.log, lobby, follower)
    for (const [index, { log }] of [here, there, here, there].entries()) {
      await log.append(lobby, text(`m${index}`), index % 2 === 0 ? 'normal' : 'high')
    }
    await expect.poll(() => follower.told).toEqual(['m0 normal', 'm1 high', 'm2 normal', 'm3 high'])
  })

  test('hears at once how far the room goes already', async () => {
    const { log } = await nodes.open()
    const { seq } = await log.append(lobby, text('before'), 'normal')
    const follower = new RecordingFollower()
    await log.follow(lobby, follower)
    await expect.poll(() => follower.told).toEqual(['more'])
    expect(follower.position).toBe(seq)
  })

  test('learns 2 s after the subscription what was not handed on', async () => {
    const node = await nodes.open()
    const other = await node.sibling()
    loseLiveMessages(node)
    const follower = new RecordingFollower()
    await node.log.follow(lobby, follower)
    const { seq } = await other.log.append(lobby, text('lost'), 'normal')
    await expect.poll(() => (node.clock.advance(1_000), follower.position)).toBe(seq)
    expect(follower.told).toEqual(['more'])
    expect(await node.log.readAfter(lobby, NO_SEQ, plenty)).toHaveLength(1)
    await other.log.append(lobby, text('found'), 'normal')
    await expect.poll(() => follower.told).toEqual(['more', 'found normal'])
  })

  test('learns after 30 s of silence what was not handed on', async () => {
    const node = await nodes.open()
    const other = await node.sibling()
    loseLiveMessages(node)
    const asked = vi.spyOn(node.stream, 'last')
    await other.log.append(lobby, text('before'), 'normal')
    const follower = new RecordingFollower()
    await node.log.follow(lobby, follower)
    await expect.poll(() => follower.told).toEqual(['more'])
    node.clock.advance(2_000)
    expect(asked).toHaveBeenCalledTimes(2)
    await asked.mock.results[1]?.value
    const { seq } = await other.log.append(lobby, text('lost'), 'normal')
    node.clock.advance(29_000)
    expect(asked).toHaveBeenCalledTimes(2)
    node.clock.advance(1_000)
    await expect.poll(() => follower.position).toBe(seq)
  })

  test('sees a hole between two records by the link of the second', async () => {
    const node = await nodes.open()
    const other = await node.sibling()
    loseLiveMessages(node)
    await other.log.append(lobby, text('before'), 'normal')
    const follower = new RecordingFollower()
    await node.log.follow(lobby, follower)
    await expect.poll(() => follower.told).toEqual(['more'])
    await other.log.append(lobby, text('lost'), 'normal')
    await other.log.append(lobby, text('next'), 'normal')
    await expect.poll(() => follower.told).toEqual(['more', 'next normal after a gap'])
  })

  test('learns after a new connection what was missed meanwhile', async () => {
    const node = await nodes.open()
    loseLiveMessages(node)
    const follower = new RecordingFollower()
    await followLive(node.log, lobby, follower)
    await node.log.append(lobby, text('before'), 'normal')
    await expect.poll(() => follower.told).toEqual(['before normal'])
    const other = await node.sibling()
    const returned = new Promise<void>((resolve) => node.link.onReturn(resolve))
    await node.link.connection.reconnect()
    const { seq } = await other.log.append(lobby, text('lost'), 'normal')
    await returned
    await expect.poll(() => (node.clock.advance(1_000), follower.position)).toBe(seq)
    expect(follower.told.filter((line) => line.startsWith('before'))).toHaveLength(1)
  })

  test('hears of a deletion before anything of the room that has the name later', async () => {
    const node = await nodes.open()
    const other = await node.sibling()
    const follower = new RecordingFollower()
    await followLive(node.log, lobby, follower)
    await other.log.append(lobby, text('old'), 'normal')
    await expect.poll(() => follower.told).toEqual(['old normal'])
    const { epoch } = await other.log.head(lobby)
    await other.log.deleteRoom(lobby)
    const later = (await other.log.head(lobby)).epoch
    expect(later).not.toBe(epoch)
    await expect.poll(() => follower.told).toEqual(['old normal', 'restarted'])
    await other.log.append(lobby, text('new'), 'normal')
    await expect.poll(() => follower.told).toEqual(['old normal', 'restarted', 'new normal'])
    expect([follower.epoch, (await node.log.head(lobby)).epoch]).toEqual(Array.from({ length: 2 }, () => later))
  })

  test('hears nothing once it has ended', async () => {
    const { log, clock } = await nodes.open()
    const [ended, listening] = [new RecordingFollower(), new RecordingFollower()]
    const end = await log.follow(lobby, ended)
    await log.follow(lobby, listening)
    end()
    await log.append(lobby, text('one'), 'normal')
    await expect.poll(() => listening.told).toEqual(['one normal'])
    clock.advance(60_000)
    expect(ended.told).toEqual([])
  })
})
