import { chmod, cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StartUpError } from '../../src/config/start-up-error.js'
import { STORE_FORMAT, STORE_KEY } from '../../src/log/lmdb/store-format.js'
import type { RoomLogEngine } from '../../src/log/room-log.js'
import { NO_SEQ, trustedSeq, type RoomId } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomLogContract } from '../contracts/room-log.contract.js'
import { roomId, userId } from '../delivery/names.js'
import { asNobody, commitBegins, emptyFolder, openLog } from './open-logs.js'

const MIB = 1024 * 1024
const everything = { maxRecords: 100_000, maxBytes: Infinity }
const lobby = roomId('lobby')
const attic = roomId('attic')

const bytes = (length: number) => ({ kind: RecordKind.Text, sender: userId('alice'), body: Buffer.alloc(length, 'x') })
const appendMany = (log: RoomLogEngine, room: RoomId, count: number) =>
  Promise.all(Array.from({ length: count }, () => log.append(room, bytes(8))))
const keptIn = async (log: RoomLogEngine, room: RoomId) =>
  (await log.readAfter(room, NO_SEQ, everything)).map(({ seq }) => seq)

roomLogContract('lmdb', async (env) => openLog(env))

describe('restart', () => {
  test('finds what was appended, the epoch and the place', async () => {
    const before = await openLog()
    const records = [await before.log.append(lobby, bytes(3)), await before.log.append(lobby, bytes(0))]
    await before.log.append(attic, bytes(70_000))
    const head = await before.log.head(lobby)
    const { log } = await before.reopen()
    expect(await log.head(lobby)).toEqual(head)
    expect(await log.readAfter(lobby, NO_SEQ, everything)).toEqual(records)
    expect((await log.readAfter(attic, NO_SEQ, everything))[0]?.body).toEqual(bytes(70_000).body)
    expect(await log.append(lobby, bytes(1))).toMatchObject({ seq: 3, prev: 2 })
  })

  test('keeps the place of a room that was trimmed empty', async () => {
    const before = await openLog()
    await appendMany(before.log, lobby, 1_200)
    const head = await before.log.head(lobby)
    await before.log.trim(lobby, trustedSeq(5_000))
    const { log } = await before.reopen()
    expect(await log.head(lobby)).toEqual(head)
    expect(await keptIn(log, lobby)).toEqual([])
    expect(await log.append(lobby, bytes(1))).toMatchObject({ seq: 1_201, prev: 1_200 })
  })

  test('does not bring a deleted room back', async () => {
    const before = await openLog()
    await appendMany(before.log, lobby, 3)
    const { epoch } = await before.log.head(lobby)
    await before.log.deleteRoom(lobby)
    const { log } = await before.reopen()
    expect(await log.head(lobby)).toEqual({ epoch: expect.not.toSatisfy((other) => other === epoch), seq: 0 })
  })

  test('another store is another epoch, a copied one too', async () => {
    const { log, folder } = await openLog()
    await log.append(lobby, bytes(1))
    const { epoch } = await log.head(lobby)
    await log.close()
    const copy = await emptyFolder()
    await cp(join(folder, 'data.mdb'), join(copy, 'data.mdb'))
    const fromCopy = await (await openLog({}, { folder: copy })).log.head(lobby)
    expect(fromCopy.seq).toBe(1)
    const wiped = await openLog()
    await wiped.log.append(lobby, bytes(1))
    const epochs = [epoch, fromCopy.epoch, (await wiped.log.head(lobby)).epoch]
    expect(new Set(epochs).size).toBe(3)
  })
})

describe('bounded work', () => {
  test('the sweep trims rooms that nobody writes to', async () => {
    const { log, clock, reopen } = await openLog({ NESTWIRE_HISTORY_MAX_AGE_MS: '1000' })
    await appendMany(log, lobby, 1_700)
    await appendMany(log, attic, 3)
    clock.advance(5_000)
    await expect.poll(() => log.storedBytes).toBe(0)
    expect(await (await reopen()).log.head(lobby)).toMatchObject({ seq: 1_700 })
  })

  test('one sweep removes 10,000 records of however many rooms, and the next one goes on there', async () => {
    const { log, clock } = await openLog({ NESTWIRE_HISTORY_MAX_AGE_MS: '60000' })
    const rooms = Array.from({ length: 600 }, (_, index) => roomId(`r${index}`))
    await Promise.all(rooms.map((room) => appendMany(log, room, 41)))
    clock.advance(61_000)
    for (const forgotten of [10_000, 20_000, 24_600]) {
      await expect.poll(() => log.counters.forgotten).toBe(forgotten)
      // One more commit, for what a sweep might do beyond that.
      await log.append(attic, bytes(1))
      expect(log.counters.forgotten).toBe(forgotten)
      clock.advance(1_000)
    }
  })

  test('the sweep leaves alone what only a clock that jumped ahead makes old', async () => {
    const { log, clock } = await openLog({ NESTWIRE_HISTORY_MAX_AGE_MS: '3600000' })
    await appendMany(log, lobby, 3)
    await log.append(attic, bytes(1))
    await log.deleteRoom(attic)
    const stored = log.storedBytes
    clock.setWallClock(clock.now() + 10 * 365 * 86_400_000)
    clock.advance(1_000)
    // Of the same sweep, and done before it looks at the rooms that there are.
    await expect.poll(() => log.storedBytes).toBeLessThan(stored)
    for (let sweeps = 0; sweeps < 5; sweeps += 1) {
      clock.advance(1_000)
      await log.append(attic, bytes(1))
    }
    expect(await keptIn(log, lobby)).toEqual([1, 2, 3])
  })

  test('a read past many expired records leaves the event loop its turns', async () => {
    const { log, clock } = await openLog({ NESTWIRE_HISTORY_MAX_AGE_MS: '1000' })
    await appendMany(log, lobby, 1_999)
    // No sweep comes before the reads.
    clock.setWallClock(clock.now() + 5_000)
    await log.append(attic, bytes(1))
    let turns = 0
    const counting = setImmediate(function count() {
      turns += 1
      setImmediate(count).unref()
    })
    counting.unref()
    expect(await log.readAfter(lobby, NO_SEQ, everything)).toEqual([])
    expect(turns).toBeGreaterThanOrEqual(3)
    turns = 0
    expect(await log.readBefore(lobby, trustedSeq(9_999), everything)).toEqual([])
    expect(turns).toBe(0)
  })

  test('the sweep clears the records of deleted rooms', async () => {
    const { log, clock } = await openLog()
    await appendMany(log, lobby, 1_700)
    await log.deleteRoom(lobby)
    expect(log.storedBytes).toBeGreaterThan(0)
    clock.advance(1_000)
    await expect.poll(() => log.storedBytes).toBe(0)
  })

  test('one sweep clears many small rooms that were deleted', async () => {
    const { log, clock } = await openLog()
    const rooms = Array.from({ length: 200 }, (_, index) => roomId(`r${index}`))
    await Promise.all(rooms.map((room) => appendMany(log, room, 2)))
    await Promise.all(rooms.map((room) => log.deleteRoom(room)))
    clock.advance(1_000)
    await expect.poll(() => log.storedBytes).toBe(0)
  })

  test('a burst beyond the limit leaves what the limit allows', async () => {
    const { log, clock } = await openLog({ NESTWIRE_HISTORY_MAX_RECORDS: '10' })
    await appendMany(log, lobby, 5_000)
    expect(await keptIn(log, lobby)).toEqual(Array.from({ length: 10 }, (_, index) => 4_991 + index))
    clock.advance(1_000)
    await expect.poll(() => log.storedBytes).toBe(10 * (8 + 8 + 5 + 32))
  })

  test('a commit that takes more than ten seconds counts as a fault until it ends', async () => {
    const { log, clock } = await openLog()
    const append = log.append(lobby, bytes(1))
    await commitBegins()
    clock.advance(10_000)
    expect(log.fault()).toBeUndefined()
    clock.advance(1)
    expect(log.fault()).toContain('does not answer')
    await append
    expect(log.fault()).toBeUndefined()
  })

  test('a full log refuses what comes next, until something goes', async () => {
    const { log } = await openLog({ NESTWIRE_LOG_MAX_BYTES: String(MIB) })
    // 13 bytes of time, kind and sender and 32 of bookkeeping each: sixteen are 1 MiB exactly.
    const sixteenth = MIB / 16 - 45
    for (let index = 0; index < 15; index += 1) await log.append(lobby, bytes(sixteenth))
    await log.append(lobby, bytes(sixteenth - 1))
    expect(log.fault()).toBeUndefined()
    await log.append(lobby, bytes(0))
    expect(log.fault()).toContain('NESTWIRE_LOG_MAX_BYTES')
    await expect(log.append(lobby, bytes(0))).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE' } })
    await log.trim(lobby, trustedSeq(1))
    expect(log.fault()).toBeUndefined()
    expect(await log.append(lobby, bytes(0))).toMatchObject({ seq: 18 })
  })
})

describe('start', () => {
  test('a second log in one folder is refused, until the first is closed', async () => {
    const first = await openLog()
    await expect(openLog({}, { folder: first.folder })).rejects.toThrow(/^another process is using .+$/)
    await first.log.append(lobby, bytes(1))
    expect(await (await first.reopen()).log.head(lobby)).toMatchObject({ seq: 1 })
  })

  test('of several at once exactly one gets the folder', async () => {
    const folder = await emptyFolder()
    const starts = await Promise.allSettled(Array.from({ length: 5 }, () => openLog({}, { folder })))
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const reasons = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
    expect(reasons.every((reason) => reason instanceof StartUpError)).toBe(true)
  })

  test('a folder whose name is too long for a lock is refused', async () => {
    const folder = join(await emptyFolder(), 'x'.repeat(120))
    await expect(openLog({}, { folder })).rejects.toThrow('NESTWIRE_DATA_DIR')
  })

  test.each([
    ['noise', 'noise '.repeat(5_000)],
    ['a few bytes', 'x'],
    ['a page of zeros', '\0'.repeat(8_192)],
  ])('a store that is %s is refused', async (_what, content) => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'data.mdb'), content)
    await expectRefusal(folder, 'data.mdb is no store')
    expect(await readFile(join(folder, 'data.mdb'), 'utf8')).toBe(content)
  })

  test.each([0.3, 0.6, 0.9])('a store cut to %f of its length is refused, again and again', async (part) => {
    const { log, folder } = await openLog()
    for (let round = 0; round < 4; round += 1) await appendMany(log, lobby, 1_000)
    await log.close()
    const path = join(folder, 'data.mdb')
    const { length } = await readFile(path)
    await truncate(path, Math.floor(length * part))
    await expectRefusal(folder, 'cannot be used')
    await expectRefusal(folder, 'cannot be used')
  })

  test('a store of a newer format is refused', async () => {
    const { log, folder } = await openLog()
    await log.append(lobby, bytes(1))
    await log.close()
    const tree = open<Buffer, Buffer>(folder, { noSubdir: false, encoding: 'binary', keyEncoding: 'binary' })
    const value = tree.get(STORE_KEY) ?? Buffer.alloc(0)
    value.writeUInt16BE(STORE_FORMAT + 1)
    await tree.put(STORE_KEY, value)
    await tree.close()
    await expectRefusal(folder, `is of format ${STORE_FORMAT + 1}; this version knows ${STORE_FORMAT}`)
  })

  test('a folder that may not be written is refused', async () => {
    const folder = await emptyFolder()
    await chmod(folder, 0o555)
    await asNobody(() => expectRefusal(folder, 'NESTWIRE_DATA_DIR'))
  })

  test('a folder that cannot be made is refused', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'nestwire-log-'))
    onTestFinished(() => rm(parent, { recursive: true }))
    await writeFile(join(parent, 'file'), '')
    await expectRefusal(join(parent, 'file', 'log'), 'NESTWIRE_DATA_DIR')
  })
})

async function expectRefusal(folder: string, reason: string): Promise<void> {
  const opening = openLog({}, { folder })
  await expect(opening).rejects.toBeInstanceOf(StartUpError)
  await expect(opening).rejects.toThrow(reason)
}
