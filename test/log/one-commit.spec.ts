/** What one commit may hold and what it may remove: the event loop waits for both to be written down. */
import { expect, test } from 'vitest'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import type { RoomId } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { openLog } from './open-logs.js'

const MIB = 1024 * 1024
const lobby = roomId('lobby')
const alice = userId('alice')

const bytes = (length: number) => ({ kind: RecordKind.Text, sender: alice, body: Buffer.alloc(length, 'x') })
const appendAll = (log: RoomLogEngine, room: RoomId, sizes: readonly number[]) =>
  sizes.map((size) => log.append(room, bytes(size)))
const times = (count: number, size: number) => Array.from({ length: count }, () => size)
/** Of `appendAll` in one turn: how far the log goes when the first commit has ended. */
async function inFirstCommit(log: RoomLogEngine, sizes: readonly number[]): Promise<number> {
  const appends = appendAll(log, lobby, sizes)
  await appends[0]
  const { seq } = await log.head(lobby)
  await Promise.all(appends)
  expect((await log.head(lobby)).seq).toBe(sizes.length)
  return seq
}

test.each([
  [2_048, 2_048],
  [2_049, 2_048],
])('of %i records at once %i are one commit', async (count, committed) => {
  const { log } = await openLog()
  expect(await inFirstCommit(log, times(count, 0))).toBe(committed)
})

test.each([
  ['4 MiB', MIB, 4],
  ['one byte less', MIB - 1, 5],
])('a commit takes no further record once it has %s', async (_what, first, committed) => {
  const { log } = await openLog()
  expect(await inFirstCommit(log, [first, MIB, MIB, MIB, 1, 1])).toBe(committed)
})

const ROOMS = 40
const RECORDS = 600
/** Of 8 bytes: with time, kind, sender and bookkeeping. */
const RECORD_BYTES = 8 + 8 + 5 + 32
const rooms = Array.from({ length: ROOMS }, (_, index) => roomId(`room-${index}`))

async function withLongHistories(): Promise<RoomLogEngine & { readonly storedBytes: number }> {
  const before = await openLog()
  for (const room of rooms) await Promise.all(appendAll(before.log, room, times(RECORDS, 8)))
  await before.log.close()
  const env = { NESTWIRE_HISTORY_MAX_RECORDS: '1' }
  return (await openLog(env, { folder: before.folder, clock: before.clock })).log
}

test('a commit to many rooms removes what it adds to each, and 500 records more in all', async () => {
  const log = await withLongHistories()
  const bytesBefore = log.storedBytes
  const appends = rooms.map((room) => log.append(room, bytes(8)))
  await appends[0]
  expect((await log.head(roomId('room-39'))).seq).toBe(RECORDS + 1)
  expect((bytesBefore - log.storedBytes) / RECORD_BYTES).toBe(500)
})

test('a room that is beyond its limit does not grow, whatever others remove', async () => {
  const log = await withLongHistories()
  await Promise.all(rooms.map((room) => log.append(room, bytes(8))))
  const bytesBefore = log.storedBytes
  await Promise.all(rooms.flatMap((room) => appendAll(log, room, times(20, 8))))
  expect((bytesBefore - log.storedBytes) / RECORD_BYTES).toBe(500)
})
