/** A room that nobody here hears is let go after a minute, and heard again from where it was. */
import { describe, expect, test } from 'vitest'
import { FEED_IDLE_MS } from '../../src/delivery/unheard-feeds.js'
import { LogFault } from '../../src/log/log-fault.js'
import { refusal } from '../rooms/room-stack.js'
import { roomId } from './names.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, startRouter, startSharedRouter, type startLobby } from './router-stack.js'

type Router = Awaited<ReturnType<typeof startLobby>>['router']

const isOpen = (router: Router, room = lobby): boolean => {
  try {
    return router.head(room).seq >= 0
  } catch (error) {
    expect(error).toMatchObject({ message: `room ${room} is not open` })
    return false
  }
}

describe.each([
  { log: 'a log of its own', start: startRouter },
  { log: 'a shared log', start: startSharedRouter },
])('on $log a room without members', ({ start }) => {
  test('is open for a minute, and not a millisecond longer', async () => {
    const { router, clock } = start()
    await router.open(lobby)
    clock.advance(FEED_IDLE_MS - 1)
    expect(isOpen(router)).toBe(true)
    clock.advance(1)
    expect([isOpen(router), clock.timers]).toEqual([false, 0])
  })

  test('stays open from each time that it is asked for', async () => {
    const { router, clock } = start()
    await router.open(lobby)
    clock.advance(FEED_IDLE_MS - 1)
    await router.open(lobby)
    clock.advance(FEED_IDLE_MS - 1)
    expect(isOpen(router)).toBe(true)
    clock.advance(10_000)
    expect(isOpen(router)).toBe(false)
  })

  test('stays open from when the last member left', async () => {
    const { router, clock } = start()
    const [first, last] = [new RecordingConnection(), new RecordingConnection()]
    await router.open(lobby)
    for (const member of [first, last]) router.attach(lobby, member)
    expect(clock.timers).toBe(0)
    clock.advance(10 * FEED_IDLE_MS)
    router.detach(lobby, first)
    clock.advance(10 * FEED_IDLE_MS)
    router.detach(lobby, last)
    clock.advance(FEED_IDLE_MS - 1)
    expect(isOpen(router)).toBe(true)
    clock.advance(1)
    expect(isOpen(router)).toBe(false)
  })

  test('is not closed while it is being opened', async () => {
    const { router, clock, log, say, tick } = start()
    const head = log.head.bind(log)
    let answer = (): void => undefined
    const asked = new Promise<void>((resolve) => (answer = resolve))
    log.head = async (room) => {
      await asked
      return head(room)
    }
    const opening = router.open(lobby)
    clock.advance(2 * FEED_IDLE_MS)
    answer()
    await opening
    const member = new RecordingConnection()
    router.attach(lobby, member)
    await say('hi')
    await tick.settle()
    expect(seqs(member.records)).toEqual([1])
  })

  test('is let go whatever becomes of others, on one timer for all', async () => {
    const { router, clock } = start()
    const [quiet, heard] = [roomId('quiet'), roomId('heard')]
    for (const room of [quiet, heard, lobby]) await router.open(room)
    router.attach(heard, new RecordingConnection())
    expect(clock.timers).toBe(1)
    clock.advance(FEED_IDLE_MS)
    expect([quiet, heard, lobby].map((room) => isOpen(router, room))).toEqual([false, true, false])
  })

  test('is heard again from where its member stood', async () => {
    const { router, clock, say, tick } = start()
    const [before, after] = [new RecordingConnection(), new RecordingConnection()]
    await router.open(lobby)
    router.attach(lobby, before)
    await say('heard')
    await tick.settle()
    router.detach(lobby, before)
    clock.advance(FEED_IDLE_MS)
    await say('missed')
    await router.open(lobby)
    router.attach(lobby, after, before.records[0]?.seq)
    await say('live')
    await tick.settle()
    expect(seqs([...before.records, ...after.records])).toEqual(from1To(3))
  })
})

test('a room of a log of its own stays open while something is on its way into it', async () => {
  const { router, clock, log, say, tick } = startRouter()
  const append = log.append.bind(log)
  let commit = (): void => undefined
  const held = new Promise<void>((resolve) => (commit = resolve))
  log.append = async (...wanted) => {
    await held
    return append(...wanted)
  }
  const sent = say('hi')
  await tick.settle()
  clock.advance(2 * FEED_IDLE_MS)
  const member = new RecordingConnection()
  router.attach(lobby, member)
  commit()
  expect((await sent).seq).toBe(1)
  await tick.settle()
  expect(seqs(member.records)).toEqual([1])
})

test('who opens a room in the middle of a doubt hears how far it went', async () => {
  const { router, clock, log, say, tick } = startRouter()
  const [append, head] = [log.append.bind(log), log.head.bind(log)]
  const disk = { isBroken: true }
  log.isInDoubt = () => disk.isBroken
  log.append = async (...wanted) => {
    await append(...wanted)
    throw LogFault.commitFailed(new Error('EIO'))
  }
  log.head = async (room) => (disk.isBroken ? { ...(await head(room)), seq: 0 as never } : head(room))
  await expect(say('doubtful')).rejects.toEqual(refusal('COMMIT_FAILED'))
  clock.advance(FEED_IDLE_MS)
  expect(isOpen(router)).toBe(false)
  await router.open(lobby)
  const member = new RecordingConnection()
  router.attach(lobby, member)
  disk.isBroken = false
  clock.advance(1_000)
  await tick.settle()
  expect(seqs(member.records)).toEqual([1])
})

test('an opening that a deletion overtakes leaves nobody who follows the room', async () => {
  const { router, journal } = startSharedRouter()
  const opening = router.open(lobby)
  await router.deleteRoom(lobby)
  await opening
  expect([isOpen(router), journal.isFollowed(lobby)]).toEqual([false, false])
})
