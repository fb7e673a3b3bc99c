import { join } from 'node:path'
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { LmdbRoomLog } from './lmdb/lmdb-room-log.js'
import { MemoryRoomLog } from './memory-room-log.js'
import type { RoomLog } from './room-log.js'
import { ROOM_LOG } from './room-log.token.js'

/** Rejects with `StartUpError`; never falls back to memory. */
async function openRoomLog(settings: Settings, clock: Clock): Promise<RoomLog> {
  const { log, storage } = settings.current
  switch (log.engine) {
    case 'lmdb':
      return LmdbRoomLog.open({ folder: join(storage.dataDir, 'log'), settings, clock })
    case 'memory':
      return new MemoryRoomLog(settings, clock)
  }
}

@Module({
  providers: [
    {
      provide: ROOM_LOG,
      inject: [Settings, CLOCK],
      useFactory: openRoomLog,
    },
  ],
  exports: [ROOM_LOG],
})
export class LogModule implements OnApplicationShutdown {
  constructor(@Inject(ROOM_LOG) private readonly log: RoomLog) {}

  /** The last hook, so that handlers that run during the drain can still append. */
  onApplicationShutdown(): Promise<void> {
    return this.log.close()
  }
}
