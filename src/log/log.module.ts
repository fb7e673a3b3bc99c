import { join } from 'node:path'
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { StartUpError } from '../config/start-up-error.js'
import { LmdbRoomLog } from './lmdb/lmdb-room-log.js'
import { MemoryRoomLog } from './memory-room-log.js'
import { MemoryStateStore } from './memory-state-store.js'
import type { RoomJournal, RoomLog } from './room-log.js'
import { ROOM_JOURNAL, ROOM_LOG, STATE_STORE } from './room-log.token.js'
import { SoleWriter } from './sole-writer.js'
import type { StateStore } from './state-store.js'

/** All ports, of one engine. */
interface LogEngine {
  readonly log: RoomLog
  readonly journal: RoomJournal
  readonly state: StateStore
}

const LOG_ENGINE = Symbol('LogEngine')

/** Rejects with `StartUpError`; never falls back to memory. */
async function openEngine(settings: Settings, clock: Clock): Promise<LogEngine> {
  const { cluster, log, storage } = settings.current
  // A lone node under the address of a cluster would give every room a second truth.
  if (cluster.url !== undefined) throw new StartUpError('NESTWIRE_CLUSTER_URL: this version cannot join a cluster yet')
  switch (log.engine) {
    case 'lmdb': {
      const lmdb = await LmdbRoomLog.open({ folder: join(storage.dataDir, 'log'), settings, clock })
      return { log: lmdb, journal: new SoleWriter(lmdb, clock), state: lmdb.state }
    }
    case 'memory': {
      const memory = new MemoryRoomLog(settings, clock)
      return { log: memory, journal: new SoleWriter(memory, clock), state: new MemoryStateStore() }
    }
  }
}

@Module({
  providers: [
    { provide: LOG_ENGINE, inject: [Settings, CLOCK], useFactory: openEngine },
    { provide: ROOM_LOG, inject: [LOG_ENGINE], useFactory: ({ log }: LogEngine) => log },
    { provide: ROOM_JOURNAL, inject: [LOG_ENGINE], useFactory: ({ journal }: LogEngine) => journal },
    { provide: STATE_STORE, inject: [LOG_ENGINE], useFactory: ({ state }: LogEngine) => state },
  ],
  exports: [ROOM_LOG, ROOM_JOURNAL, STATE_STORE],
})
export class LogModule implements OnApplicationShutdown {
  constructor(@Inject(ROOM_LOG) private readonly log: RoomLog) {}

  /** The last hook, so that handlers that run during the drain can still append. */
  onApplicationShutdown(): Promise<void> {
    return this.log.close()
  }
}
