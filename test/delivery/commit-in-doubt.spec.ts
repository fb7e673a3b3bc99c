/** A commit that failed with an open outcome, and what was found in the log when it worked again. */
import { expect, test } from 'vitest'
import { LogFault } from '../../src/log/log-fault.js'
import { refusal } from '../rooms/room-stack.js'
import { RecordingConnection } from './recording-connection.js'
import { from1To, lobby, seqs, startLobby } from './router-stack.js'

const LOOK_MS = 1_000
const MEMBERS = 20

/** One record is there and was heard; the next commit fails, and `isThere` says whether it did on disk. */
async function withFailedCommit({ isThere }: { readonly isThere: boolean }) {
  const stack = await startLobby(MEMBERS)
  const { log, tick, clock, say } = stack
  await say('heard')
  await tick.settle()
  const disk = { isBroken: false, isUnreadable: false, headsRead: 0 }
  const [append, head] = [log.append.bind(log), log.head.bind(log)]
  log.isInDoubt = () => disk.isBroken
  log.append = async (...wanted) => {
    if (isThere) await append(...wanted)
    throw LogFault.commitFailed(new Error('EIO'))
  }
  log.head = async (room) => {
    disk.headsRead += 1
    if (disk.isUnreadable) throw LogFault.unavailable('the disk is away')
    return head(room)
  }
  disk.isBroken = true
  await expect(say('doubtful')).rejects.toEqual(refusal('COMMIT_FAILED'))
  log.append = append
  const pass = async (): Promise<void> => {
    clock.advance(LOOK_MS)
    await tick.settle()
  }
  return { ...stack, disk, pass }
}

test('members get what turns out to be on disk, once the log works again and nobody says anything', async () => {
  const { disk, pass, members, router, clock } = await withFailedCommit({ isThere: true })
  await pass()
  for (const { records } of members) expect(seqs(records)).toEqual([1])
  disk.isBroken = false
  await pass()
  for (const { records } of members) expect(seqs(records)).toEqual([1, 2])
  expect([router.laggingConnections, clock.timers, router.head(lobby).seq]).toEqual([0, 0, 2])
})

test('members get it from a log that is full, too: it can be read', async () => {
  const { log, disk, pass, members } = await withFailedCommit({ isThere: true })
  log.fault = () => 'the room log is full'
  disk.isBroken = false
  await pass()
  for (const { records } of members) expect(seqs(records)).toEqual([1, 2])
})

test('who comes back from there is not told of a gap', async () => {
  const { disk, pass, router, say, tick } = await withFailedCommit({ isThere: true })
  disk.isBroken = false
  await pass()
  const reader = new RecordingConnection()
  router.attach(lobby, reader, router.head(lobby).seq)
  await say('next')
  await tick.settle()
  expect(reader.packets).toMatchObject([{ kind: 'deliver', records: [{ seq: 3, prev: 2 }] }])
})

test('members hear nothing of what is not there', async () => {
  const { disk, pass, members, say, tick } = await withFailedCommit({ isThere: false })
  disk.isBroken = false
  await pass()
  for (const { frames } of members) expect(frames).toHaveLength(1)
  await say('next')
  await tick.settle()
  for (const { records } of members) expect(seqs(records)).toEqual([1, 2])
})

test('a room that is talked in before it is asked hears all of it, once and in order', async () => {
  const { disk, pass, members, say, tick } = await withFailedCommit({ isThere: true })
  disk.isBroken = false
  await say('third')
  await tick.settle()
  await pass()
  for (const { records } of members) expect(seqs(records)).toEqual(from1To(3))
})

test('it is asked again while it cannot be read', async () => {
  const { disk, pass, members, clock } = await withFailedCommit({ isThere: true })
  disk.isBroken = false
  disk.isUnreadable = true
  await pass()
  await pass()
  expect([disk.headsRead, clock.timers]).toEqual([2, 1])
  disk.isUnreadable = false
  await pass()
  for (const { records } of members) expect(seqs(records)).toEqual([1, 2])
})

test('a room that was deleted meanwhile is not asked for', async () => {
  const { disk, pass, members, router, clock } = await withFailedCommit({ isThere: true })
  for (const member of members) router.detach(lobby, member)
  await router.deleteRoom(lobby)
  disk.isBroken = false
  await pass()
  expect([disk.headsRead, clock.timers]).toEqual([0, 0])
})

test('a record before which one was not told is no part of a batch with what waits', async () => {
  const { log, tick, say, members } = await startLobby(MEMBERS)
  await say('heard')
  const append = log.append.bind(log)
  log.append = async (...wanted) => {
    await append(...wanted)
    throw LogFault.commitFailed(new Error('EIO'))
  }
  await expect(say('doubtful')).rejects.toEqual(refusal('COMMIT_FAILED'))
  log.append = append
  await say('third')
  await tick.settle()
  for (const { records } of members)
    expect(records.map(({ seq, prev }) => [prev, seq])).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
})
