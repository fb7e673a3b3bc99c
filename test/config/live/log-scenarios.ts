/** What the log keeps, on the logs themselves: a server shows less of it. */
import { expect } from 'vitest'
import { loadSettings, type Environment } from '../../../src/config/load-settings.js'
import { Settings } from '../../../src/config/settings.js'
import { MemoryRoomLog } from '../../../src/log/memory-room-log.js'
import type { RoomLogEngine } from '../../../src/log/room-log.js'
import { NO_SEQ } from '../../../src/protocol/ids.js'
import { RecordKind } from '../../../src/protocol/packets.js'
import { roomId, userId } from '../../delivery/names.js'
import { openLog } from '../../log/open-logs.js'
import { ManualClock } from '../../support/manual-clock.js'
import type { LiveScenarios } from './live-scenario.js'

const MIB = 1024 * 1024
const lobby = roomId('lobby')

const append = (log: RoomLogEngine, bytes: number) =>
  log.append(lobby, { kind: RecordKind.Text, sender: userId('alice'), body: Buffer.alloc(bytes, 'x') })
const keptIn = async (log: RoomLogEngine): Promise<number> =>
  (await log.readAfter(lobby, NO_SEQ, { maxRecords: 1_000, maxBytes: 100 * MIB })).length

async function appendMany(log: RoomLogEngine, count: number, bytes: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await append(log, bytes)
}

/** In both engines, of twenty records of 100 bytes each, so many are kept before and after, when twenty more have come. */
async function historyScenario(name: string, before: readonly [string, number], after: readonly [string, number]) {
  const lmdb = await openLog({ [name]: before[0] })
  const settings = new Settings(loadSettings({ [name]: before[0] }))
  const memory = new MemoryRoomLog(settings, new ManualClock())
  for (const { log, change } of [
    { log: lmdb.log, change: (env: Environment) => lmdb.settings.swap(loadSettings(env)) },
    { log: memory, change: (env: Environment) => settings.swap(loadSettings(env)) },
  ]) {
    await appendMany(log, 20, 100)
    expect(await keptIn(log)).toBe(before[1])
    change({ [name]: after[0] })
    await appendMany(log, 20, 100)
    expect(await keptIn(log)).toBe(after[1])
  }
}

export const logScenarios: LiveScenarios = {
  NESTWIRE_HISTORY_MAX_RECORDS: () => historyScenario('NESTWIRE_HISTORY_MAX_RECORDS', ['5', 5], ['7', 7]),
  NESTWIRE_HISTORY_MAX_BYTES: () => historyScenario('NESTWIRE_HISTORY_MAX_BYTES', ['1100', 11], ['1400', 14]),

  NESTWIRE_HISTORY_MAX_AGE_MS: async () => {
    const { log, clock, settings } = await openLog({ NESTWIRE_HISTORY_MAX_AGE_MS: '60000' })
    await append(log, 1)
    clock.advance(10_000)
    await append(log, 1)
    expect(await keptIn(log)).toBe(2)
    settings.swap(loadSettings({ NESTWIRE_HISTORY_MAX_AGE_MS: '5000' }))
    expect(await keptIn(log)).toBe(1)
  },

  NESTWIRE_LOG_MAX_BYTES: async () => {
    const { log, settings } = await openLog({ NESTWIRE_LOG_MAX_BYTES: String(MIB) })
    const eighth = MIB / 8 - 45
    await appendMany(log, 8, eighth)
    await expect(append(log, 1)).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE' } })
    settings.swap(loadSettings({ NESTWIRE_LOG_MAX_BYTES: String(2 * MIB) }))
    await appendMany(log, 8, eighth)
    await expect(append(log, 1)).rejects.toMatchObject({ failure: { code: 'LOG_UNAVAILABLE' } })
  },

  NESTWIRE_MEMORY_LOG_MAX_BYTES: async () => {
    const settings = new Settings(loadSettings({ NESTWIRE_MEMORY_LOG_MAX_BYTES: String(MIB) }))
    const log = new MemoryRoomLog(settings, new ManualClock())
    const eighth = MIB / 8 - 350
    await appendMany(log, 20, eighth)
    expect(await keptIn(log)).toBe(8)
    settings.swap(loadSettings({ NESTWIRE_MEMORY_LOG_MAX_BYTES: String(2 * MIB) }))
    await appendMany(log, 20, eighth)
    expect(await keptIn(log)).toBe(16)
  },
}
