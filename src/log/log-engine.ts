/** Where this server keeps everything, chosen by its settings: all ports of one engine, and how they are closed. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../clock.js'
import type { Settings } from '../config/settings.js'
import { StartUpError } from '../config/start-up-error.js'
import { JetStreamRoomLog } from './jetstream/jetstream-room-log.js'
import { KvStateStore } from './jetstream/kv-state-store.js'
import { LogStream } from './jetstream/log-stream.js'
import { NatsLink } from './jetstream/nats-link.js'
import type { LogCounters, LogSize } from './log-counters.js'
import { MemoryRoomLog } from './memory-room-log.js'
import { MemoryStateStore } from './memory-state-store.js'
import type { RoomJournal, RoomLog } from './room-log.js'
import type { RoomOwnership } from './room-ownership.js'
import type { Sharing } from './sharing.js'
import { SoleWriter } from './sole-writer.js'
import type { StateStore } from './state-store.js'

export interface LogEngine {
  readonly log: RoomLog
  readonly journal: RoomJournal
  readonly state: StateStore
  readonly sharing: Sharing
  readonly counters: LogCounters
  readonly size: () => LogSize
  close(): Promise<void>
}

interface EngineParts {
  readonly settings: Settings
  readonly clock: Clock
  readonly ownership: RoomOwnership
}

/** Rejects with `StartUpError`; never falls back to memory. */
export async function openLogEngine(parts: EngineParts): Promise<LogEngine> {
  const { settings, clock } = parts
  const { cluster, log, storage } = settings.current
  // A lone node under the address of a cluster would give every room a second truth.
  if (cluster.url !== undefined) return openShared(parts)
  const sharing = { kind: 'alone' } as const
  switch (log.engine) {
    case 'lmdb': {
      const lmdb = await (await loadLmdb()).open({ folder: join(storage.dataDir, 'log'), settings, clock })
      const journal = new SoleWriter(lmdb, clock)
      const { state, counters } = lmdb
      return { log: lmdb, journal, state, sharing, counters, size: () => lmdb.size, close: () => lmdb.close() }
    }
    case 'memory': {
      const memory = new MemoryRoomLog(settings, clock)
      const journal = new SoleWriter(memory, clock)
      const { counters } = memory
      const state = new MemoryStateStore()
      return { log: memory, journal, state, sharing, counters, size: () => memory.size, close: () => memory.close() }
    }
  }
}

/** Native code, and so the one package that may be missing after a good installation (decision 14). */
async function loadLmdb() {
  try {
    const { LmdbRoomLog } = await import('./lmdb/lmdb-room-log.js')
    return LmdbRoomLog
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND'
    if (!isMissing) throw cause
    throw new StartUpError('NESTWIRE_LOG_ENGINE=lmdb needs the package lmdb: npm install lmdb, or take memory', {
      cause,
    })
  }
}

async function openShared({ settings, clock, ownership }: EngineParts): Promise<LogEngine> {
  const link = await NatsLink.open(settings.current.cluster, hostname())
  try {
    const state = await KvStateStore.open({ link, settings, clock })
    const stream = await LogStream.open(link, settings)
    const log = new JetStreamRoomLog({ stream, state, settings, clock, isMine: (room) => ownership.isMine(room) })
    return {
      log,
      journal: log,
      state,
      sharing: { kind: 'cluster', link, state },
      counters: log.counters,
      size: () => log.size,
      close: async () => {
        await log.close()
        await state.close()
        await link.close()
      },
    }
  } catch (error) {
    await link.close()
    throw error
  }
}
