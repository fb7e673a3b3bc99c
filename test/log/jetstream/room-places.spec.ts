/** A place that was let go is made again, and nobody who follows its room is forgotten with it. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Followings } from '../../../src/log/jetstream/followings.js'
import { RoomPlaces } from '../../../src/log/jetstream/room-places.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { clusterNodes, type ClusterNode } from './cluster-nodes.js'
import { RecordingFollower } from './recording-follower.js'

const [lobby, attic] = [roomId('lobby'), roomId('attic')]
const text = (body: string) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.from(body) })

function followedPlaces({ stream, state, clock }: ClusterNode, maxPlaces: number) {
  const followings = new Followings({ stream, clock, placeOf: (room) => places.of(room), seen: () => undefined })
  const places = new RoomPlaces(stream, state, (room) => followings.renew(room), maxPlaces)
  onTestFinished(() => {
    followings.close()
    places.close()
  })
  return { followings, places }
}

describe.skipIf(isNatsMissing)('places of rooms', () => {
  const nodes = clusterNodes()

  test('are kept up to the limit, and the oldest is let go above it', async () => {
    const { places } = followedPlaces(await nodes.open(), 2)
    const place = places.of(lobby)
    places.of(attic)
    expect(places.of(lobby)).toBe(place)
    places.of(roomId('cellar'))
    expect(places.of(lobby)).not.toBe(place)
  })

  test('whoever only looks pushes no place out', async () => {
    const { places } = followedPlaces(await nodes.open(), 1)
    const place = places.of(lobby)
    expect(places.look(attic)).toMatchObject({ room: attic, known: 0 })
    expect(places.of(lobby)).toBe(place)
    expect(places.look(lobby)).toBe(place)
  })

  test('a question for a repeat makes no place', async () => {
    const of = vi.spyOn(RoomPlaces.prototype, 'of')
    onTestFinished(() => void vi.restoreAllMocks())
    const { log } = await nodes.open()
    expect(log.repeatOf(attic, userId('alice'), Buffer.alloc(16))).toBeUndefined()
    expect(of).not.toHaveBeenCalled()
  })

  test('a follower hears of a deletion though its place was let go', async () => {
    const node = await nodes.open()
    const other = await node.sibling()
    const { followings, places } = followedPlaces(node, 1)
    const follower = new RecordingFollower()
    await followings.follow(places.of(lobby), follower)
    places.of(attic)
    await other.log.deleteRoom(lobby)
    await expect.poll(() => follower.told).toEqual(['restarted'])
    expect(follower.epoch).toBe((await other.log.head(lobby)).epoch)
    await other.log.append(lobby, text('new'), 'normal')
    await expect.poll(() => follower.told).toHaveLength(2)
  })

  test('a follower hears of a deletion though its place was made again right after it', async () => {
    const node = await nodes.open()
    onTestFinished(node.state.watch(() => places.of(lobby)))
    const { followings, places } = followedPlaces(node, 1)
    const follower = new RecordingFollower()
    await followings.follow(places.of(lobby), follower)
    places.of(attic)
    await (await node.sibling()).log.deleteRoom(lobby)
    await expect.poll(() => follower.told).toEqual(['restarted'])
  })

  test('a follower is not moved by a floor that moves', async () => {
    const node = await nodes.open()
    const { followings, places } = followedPlaces(node, 1)
    const { seq } = await node.log.append(lobby, text('one'), 'normal')
    await node.log.append(lobby, text('two'), 'normal')
    const follower = new RecordingFollower()
    await followings.follow(places.of(lobby), follower)
    await node.log.trim(lobby, seq)
    await expect.poll(() => places.of(lobby).floor).toBe(seq)
    expect(follower.told).not.toContain('restarted')
  })
})
