import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { MemoryRoomLog } from '../../src/log/memory-room-log.js'
import { NO_SEQ } from '../../src/protocol/ids.js'
import { RecordKind } from '../../src/protocol/packets.js'
import { roomLogContract } from '../contracts/room-log.contract.js'
import { roomId, userId } from '../delivery/names.js'
import { written } from '../contracts/written.js'
import { ManualClock } from '../support/manual-clock.js'

const MIB = 1024 * 1024
const everything = { maxRecords: 100_000, maxBytes: Infinity }
const lobby = roomId('lobby')

const logWith = (env: Record<string, string> = {}) =>
  new MemoryRoomLog(new Settings(loadSettings(env)), new ManualClock())
const bytes = (length: number) => ({
  kind: RecordKind.Text,
  sender: userId('alice'),
  body: Buffer.alloc(length, 'x'),
})
const keptIn = async (log: MemoryRoomLog, room = lobby): Promise<number> =>
  (await log.readAfter(room, NO_SEQ, everything)).length

roomLogContract('memory', async (env) => {
  const clock = new ManualClock()
  return { log: new MemoryRoomLog(new Settings(loadSettings(env)), clock), clock }
})

describe('byte limit over all rooms', () => {
  // With 350 bytes of bookkeeping each, eight of these are 1 MiB exactly.
  const eighth = MIB / 8 - 350
  const tight = { NESTWIRE_MEMORY_LOG_MAX_BYTES: String(MIB) }

  test('keeps what fits exactly', async () => {
    const log = logWith(tight)
    for (let index = 0; index < 8; index += 1) await log.append(lobby, bytes(eighth))
    expect(await keptIn(log)).toBe(8)
  })

  test('forgets a record for one byte more', async () => {
    const log = logWith(tight)
    for (let index = 0; index < 7; index += 1) await log.append(lobby, bytes(eighth))
    await log.append(lobby, bytes(eighth + 1))
    expect(await keptIn(log)).toBe(7)
  })

  test('takes from the least recently written room first', async () => {
    const log = logWith(tight)
    const [attic, cellar] = [roomId('attic'), roomId('cellar')]
    for (const room of [attic, cellar, attic, cellar, lobby, attic]) await log.append(room, bytes(eighth))
    const before = await log.head(cellar)
    for (let index = 0; index < 4; index += 1) await log.append(lobby, bytes(eighth))
    expect(await keptIn(log, cellar)).toBe(0)
    expect(await keptIn(log, attic)).toBe(3)
    expect(await keptIn(log)).toBe(5)
    expect(await log.head(cellar)).toEqual(before)
    expect(await log.append(cellar, bytes(1))).toMatchObject({ seq: 3, prev: 2 })
  })

  test('gives back the bytes of deleted and trimmed rooms', async () => {
    const log = logWith(tight)
    const [attic, cellar] = [roomId('attic'), roomId('cellar')]
    for (const room of [attic, attic, cellar, cellar]) await log.append(room, bytes(eighth))
    await log.deleteRoom(attic)
    await log.trim(cellar, (await log.head(cellar)).seq)
    for (let index = 0; index < 8; index += 1) await log.append(lobby, bytes(eighth))
    expect(await keptIn(log)).toBe(8)
  })
})

describe('ownership of bodies', () => {
  test('copies a small body out of the chunk it was read in', async () => {
    const log = logWith()
    const chunk = Buffer.alloc(64 * 1024)
    const record = written(await log.append(lobby, { ...bytes(0), body: chunk.subarray(100, 164) }))
    expect(record.body.buffer).not.toBe(chunk.buffer)
  })

  test('keeps a large body that is most of its chunk as it is', async () => {
    const log = logWith()
    const chunk = Buffer.from(new ArrayBuffer(2 * Buffer.poolSize))
    const record = written(await log.append(lobby, { ...bytes(0), body: chunk.subarray(100) }))
    expect(record.body.buffer).toBe(chunk.buffer)
  })
})
