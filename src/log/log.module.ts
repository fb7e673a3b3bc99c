import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { openLogEngine, type LogEngine } from './log-engine.js'
import { LOG_ENGINE, ROOM_JOURNAL, ROOM_LOG, SHARING, STATE_STORE } from './room-log.token.js'
import { RoomOwnership } from './room-ownership.js'

@Module({
  providers: [
    RoomOwnership,
    {
      provide: LOG_ENGINE,
      inject: [Settings, CLOCK, RoomOwnership],
      useFactory: (settings: Settings, clock: Clock, ownership: RoomOwnership) =>
        openLogEngine({ settings, clock, ownership }),
    },
    { provide: ROOM_LOG, inject: [LOG_ENGINE], useFactory: ({ log }: LogEngine) => log },
    { provide: ROOM_JOURNAL, inject: [LOG_ENGINE], useFactory: ({ journal }: LogEngine) => journal },
    { provide: STATE_STORE, inject: [LOG_ENGINE], useFactory: ({ state }: LogEngine) => state },
    { provide: SHARING, inject: [LOG_ENGINE], useFactory: ({ sharing }: LogEngine) => sharing },
  ],
  exports: [LOG_ENGINE, ROOM_LOG, ROOM_JOURNAL, STATE_STORE, SHARING, RoomOwnership],
})
export class LogModule implements OnApplicationShutdown {
  constructor(@Inject(LOG_ENGINE) private readonly engine: LogEngine) {}

  /** The last hook, so that handlers that run during the drain can still append. */
  onApplicationShutdown(): Promise<void> {
    return this.engine.close()
  }
}
