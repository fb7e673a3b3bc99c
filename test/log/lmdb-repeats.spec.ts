import { expect, onTestFinished, test, vi } from 'vitest'
import { LogStore } from '../../src/log/lmdb/log-store.js'
import { RoomLedger } from '../../src/log/lmdb/room-ledger.js'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomId, userId } from '../delivery/names.js'
import { openLog } from './open-logs.js'

const MIB = 1024 * 1024
const lobby = roomId('lobby')
const alice = userId('alice')
const idOf = (number: number): Buffer => Buffer.alloc(16, String(number).padStart(16, '.'))
const message = (number: number, ageMs?: number) => ({
  kind: RecordKind.Text,
  sender: alice,
  body: Buffer.from(`m${number}`),
  id: { messageId: idOf(number), ...(ageMs === undefined ? {} : { ageMs }) },
})
const known = (log: RoomLogEngine, numbers: readonly number[]) =>
  numbers.filter((number) => log.repeatOf(lobby, alice, idOf(number)) !== undefined)
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const sendAll = (log: RoomLogEngine, count: number) =>
  Promise.all(upTo(count).map((number) => log.append(lobby, message(number))))

/** Numbers of the entries that a closed log has. */
async function entriesIn(folder: string): Promise<readonly number[]> {
  const store = await LogStore.open(folder, MIB)
  onTestFinished(() => store.close())
  const numbers = [...store.idNumbers()]
  await store.close()
  return numbers
}

test('knows ids after a restart, where they stand and when they came', async () => {
  const before = await openLog()
  const { seq, timeMs } = await before.log.append(lobby, message(1))
  await before.log.append(lobby, { ...message(2), sender: userId('ключник') })
  const { log, clock } = await before.reopen()
  clock.advance(1_000)
  expect(await log.append(lobby, message(1))).toEqual({ isRepeat: true, seq, timeMs })
  expect(await log.append(lobby, { ...message(2), sender: userId('ключник') })).toMatchObject({
    isRepeat: true,
    seq: 2,
  })
  expect(await log.append(lobby, message(2))).toMatchObject({ seq: 3 })
})

test('takes a repeat that a quiet server never got before its restart', async () => {
  const before = await openLog()
  await before.log.append(lobby, message(1))
  before.clock.advance(3_600_000)
  const { log } = await before.reopen()
  expect(await log.append(lobby, message(2, 60_000))).toMatchObject({ seq: 2 })
})

test('time stands still while the log is closed, and the wall clock may jump', async () => {
  const env = { NESTWIRE_DEDUP_WINDOW_MS: '1000' }
  const before = await openLog(env)
  await before.log.append(lobby, message(1))
  before.clock.advance(30_000)
  await before.log.append(lobby, message(2))
  before.clock.setWallClock(before.clock.now() + 86_400_000)
  await before.log.close()
  before.clock.advance(3_600_000)
  const { log, clock } = await before.reopen()
  // They are 30 s and no time old; the limit is 61 s.
  clock.advance(31_000)
  expect(known(log, [1, 2])).toEqual([1, 2])
  clock.advance(1)
  expect(known(log, [1, 2])).toEqual([2])
  clock.advance(30_000)
  expect(known(log, [1, 2])).toEqual([])
})

test('a doubt outlives the process', async () => {
  const env = { NESTWIRE_DEDUP_MAX_IDS: '2' }
  const before = await openLog(env)
  before.clock.advance(10_000)
  for (const number of [1, 2, 3]) await before.log.append(lobby, message(number))
  const { log } = await before.reopen()
  expect(known(log, [1, 2, 3])).toEqual([2, 3])
  await expect(log.append(lobby, message(1, 1))).rejects.toMatchObject({ failure: { code: 'OUTCOME_UNKNOWN' } })
})

test('a smaller count than there are ids is a doubt, too', async () => {
  const before = await openLog()
  before.clock.advance(10_000)
  for (const number of upTo(4)) await before.log.append(lobby, message(number))
  await before.log.close()
  const { log } = await openLog({ NESTWIRE_DEDUP_MAX_IDS: '2' }, { folder: before.folder, clock: before.clock })
  expect(known(log, upTo(4))).toEqual([3, 4])
  await expect(log.append(lobby, message(9, 1))).rejects.toMatchObject({ failure: { code: 'OUTCOME_UNKNOWN' } })
})

test('what a smaller count has forgotten is in doubt after a second restart, too', async () => {
  const before = await openLog()
  before.clock.advance(10_000)
  for (const number of upTo(4)) await before.log.append(lobby, message(number))
  await before.log.close()
  const env = { NESTWIRE_DEDUP_MAX_IDS: '2' }
  const smaller = await openLog(env, { folder: before.folder, clock: before.clock })
  // Sweeps take some commits; no message of these has an id.
  for (let commits = 0; commits < 10; commits += 1) {
    smaller.clock.advance(1_000)
    await smaller.log.append(lobby, { ...message(0), id: undefined })
  }
  await smaller.log.close()
  const { log } = await openLog(env, { folder: before.folder, clock: before.clock })
  await expect(log.append(lobby, message(1, 1))).rejects.toMatchObject({ failure: { code: 'OUTCOME_UNKNOWN' } })
})

test('more ids in one commit than are kept', async () => {
  const before = await openLog({ NESTWIRE_DEDUP_MAX_IDS: '5' })
  await sendAll(before.log, 3_000)
  const { log } = await before.reopen()
  expect(known(log, upTo(3_000))).toEqual([2_996, 2_997, 2_998, 2_999, 3_000])
  expect(await log.append(lobby, message(3_000))).toMatchObject({ isRepeat: true, seq: 3_000 })
})

test('the sweep removes what is forgotten, but not the last', async () => {
  const before = await openLog({ NESTWIRE_DEDUP_MAX_IDS: '3' })
  for (const number of upTo(10)) await before.log.append(lobby, message(number))
  await before.log.close()
  expect(await entriesIn(before.folder)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])

  const { log, clock } = await before.reopen()
  await log.append(lobby, message(11))
  clock.advance(1_000)
  await log.append(lobby, message(12))
  await log.close()
  expect(await entriesIn(before.folder)).toEqual([9, 10, 11])

  const last = await before.reopen()
  last.clock.advance(3_600_000)
  await last.log.append(lobby, message(13))
  // A sweep may be under way already, and takes some commits.
  for (let commits = 0; commits < 10; commits += 1) {
    last.clock.advance(1_000)
    await last.log.append(lobby, { ...message(0), id: undefined })
  }
  await last.log.close()
  expect(await entriesIn(before.folder)).toEqual([12])
})

test('names of rooms that never were leave no trace, however many are asked for', async () => {
  const stateOf = vi.spyOn(RoomLedger.prototype, 'stateOf')
  onTestFinished(() => void vi.restoreAllMocks())
  const { log } = await openLog()
  await log.append(lobby, message(1))
  for (const number of upTo(20_001)) expect(log.repeatOf(roomId(`no-${number}`), alice, idOf(1))).toBeUndefined()
  expect(stateOf.mock.contexts[0]).toHaveProperty('size', 1)
  expect(known(log, [1])).toEqual([1])
})

test('a full log answers repeats', async () => {
  const { log } = await openLog({ NESTWIRE_LOG_MAX_BYTES: String(MIB) })
  await log.append(lobby, { ...message(1), body: Buffer.alloc(MIB) })
  expect(await log.append(lobby, message(1))).toMatchObject({ isRepeat: true, seq: 1 })
  await expect(log.append(lobby, message(2))).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE' } })
  expect(known(log, [2])).toEqual([])
})
