/** Rooms of a log that other nodes append to, too: who appends need not hear, and who hears gets all, whoever appended it. */
import { describe, expect, test } from 'vitest'
import { refusal } from '../rooms/room-stack.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, startSharedLobby, startSharedRouter, text } from './router-stack.js'

const LANE_BYTES = 65_536

describe('appending', () => {
  test('follows no room that nobody here hears', async () => {
    const { router, journal, say, log, clock } = startSharedRouter()
    for (const priority of ['high', 'normal', 'low', 'notice'] as const) await say('hi', priority)
    expect((await log.head(lobby)).seq).toBe(4)
    expect([journal.isFollowed(lobby), router.heldBytes, clock.timers]).toEqual([false, 0, 0])
  })

  test('waits for a deletion of that name, in call order, and reaches the later room', async () => {
    const { router, log, say } = startSharedRouter()
    await say('old')
    const { epoch } = await log.head(lobby)
    const deletion = router.deleteRoom(lobby)
    const [first, second] = [say('first'), say('second')]
    await deletion
    expect(seqs(await Promise.all([first, second, say('third')]))).toEqual(from1To(3))
    expect((await log.head(lobby)).epoch).not.toBe(epoch)
  })

  test.each(from1To(12))('%i microtasks after a deletion is behind those who waited for it', async (hops) => {
    const { router, say } = startSharedRouter()
    const deletion = router.deleteRoom(lobby)
    const sent = [say('first'), say('second')]
    await deletion
    for (let hop = 1; hop < hops; hop += 1) await Promise.resolve()
    const late = say('late')
    expect(seqs(await Promise.all([...sent, late]))).toEqual(from1To(3))
  })

  test.each([
    { by: 'this node', deleted: 'here' },
    { by: 'another', deleted: 'elsewhere' },
  ] as const)('fails where the room was deleted by $by while it waited', async ({ deleted }) => {
    const { router, journal, log, say, tick } = await startSharedLobby(1, {
      NESTWIRE_LANE_MAX_BYTES: String(LANE_BYTES),
    })
    await say(Buffer.alloc(LANE_BYTES - 128), 'high')
    const waiting = say('late', 'high')
    await (deleted === 'here' ? router.deleteRoom(lobby) : journal.deleteElsewhere(lobby))
    await expect(waiting).rejects.toEqual(refusal('ROOM_NOT_FOUND'))
    await tick.settle()
    expect([(await log.head(lobby)).seq, router.heldBytes]).toEqual([0, 0])
  })
})

describe('a room that was deleted by another node', () => {
  test('tells those who heard it nothing of the later one', async () => {
    const { router, journal, tick, log, members } = await startSharedLobby(20)
    await journal.append(lobby, text('heard'))
    await tick.settle()
    await journal.append(lobby, text('waiting'))
    await journal.deleteElsewhere(lobby)
    await journal.append(lobby, text('of others'))
    await tick.settle()
    for (const { frames, records } of members) expect([frames.length, seqs(records)]).toEqual([1, [1]])
    for (const member of members) router.detach(lobby, member)
    expect([router.heldBytes, router.head(lobby)]).toEqual([0, await log.head(lobby)])
  })

  test('is heard from its beginning by who comes to the later one', async () => {
    const { router, journal, tick, log, members } = await startSharedLobby(1)
    await journal.append(lobby, text('old'))
    await tick.settle()
    await journal.deleteElsewhere(lobby)
    const [member] = members
    if (member === undefined) return
    await router.open(lobby)
    const { epoch, seq } = router.attach(lobby, member)
    expect([epoch, seq]).toEqual([(await log.head(lobby)).epoch, 0])
    await journal.append(lobby, text('new'))
    await tick.settle()
    expect(member.packets).toMatchObject([
      { kind: 'deliver' },
      { kind: 'deliver', epoch, records: [{ seq: 1, prev: 0 }] },
    ])
  })

  test('ends in the middle of a batch and of a reading, too', async () => {
    const { router, journal, tick, members } = await startSharedLobby(60, {}, 50)
    for (const slow of members.slice(0, 5)) slow.roomForFrames = 0
    await journal.append(lobby, text('old'))
    tick.end()
    const served = members.filter(({ frames }) => frames.length > 0).length
    expect(served).toBeLessThan(members.length - 5)
    await journal.deleteElsewhere(lobby)
    for (const member of members) {
      member.roomForFrames = Infinity
      router.connectionWritable(member)
    }
    await journal.append(lobby, text('new'))
    await tick.settle()
    expect(members.filter(({ frames }) => frames.length > 0)).toHaveLength(served)
    expect([router.laggingConnections, router.heldBytes]).toEqual([0, 0])
  })

  test('is what a room is that is being opened meanwhile', async () => {
    const { router, journal, log } = startSharedRouter()
    await journal.append(lobby, text('old'))
    const head = log.head.bind(log)
    log.head = async (room) => {
      const old = await head(room)
      log.head = head
      await journal.deleteElsewhere(lobby)
      return old
    }
    await router.open(lobby)
    expect(router.head(lobby)).toEqual(await log.head(lobby))
  })
})

test('a record that another node lost on the way is no part of a batch with what waits', async () => {
  const { journal, tick, members } = await startSharedLobby(20)
  await journal.append(lobby, text('one'))
  await journal.appendUnheard(lobby, text('two'))
  await journal.append(lobby, text('three'))
  await journal.append(lobby, text('four'))
  await tick.settle()
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(4))
})

test('a room that is behind costs one look at its members, however often it is told', async () => {
  const { journal, router, tick } = await startSharedLobby(0)
  let looks = 0
  const member = new RecordingConnection()
  member.readyToDeliver = () => {
    looks += 1
    return false
  }
  router.attach(lobby, member)
  for (let round = 0; round < 100; round += 1) {
    await journal.appendUnheard(lobby, text('unheard'))
    await journal.look(lobby)
  }
  await tick.settle()
  expect([looks, router.laggingConnections]).toEqual([1, 1])
})
