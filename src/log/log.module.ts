import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { MemoryRoomLog } from './memory-room-log.js'
import type { RoomLog } from './room-log.js'
import { ROOM_LOG } from './room-log.token.js'

@Module({
  providers: [
    {
      provide: ROOM_LOG,
      inject: [Settings, CLOCK],
      useFactory: (settings: Settings, clock: Clock): RoomLog => new MemoryRoomLog(settings, clock),
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
