import { Module } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { LogModule } from '../log/log.module.js'
import type { RoomLog } from '../log/room-log.js'
import { ROOM_LOG } from '../log/room-log.token.js'
import { Broadcaster } from './broadcaster.js'
import { RoomDelivery } from './room-delivery.js'

@Module({
  imports: [LogModule],
  providers: [
    {
      provide: RoomDelivery,
      inject: [ROOM_LOG, Settings],
      useFactory: (log: RoomLog, settings: Settings): RoomDelivery => new Broadcaster(log, settings, setImmediate),
    },
  ],
  exports: [RoomDelivery],
})
export class DeliveryModule {}
