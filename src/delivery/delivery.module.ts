import { Module } from '@nestjs/common'
import { Settings } from '../config/settings.js'
import { LogModule } from '../log/log.module.js'
import type { RoomLog } from '../log/room-log.js'
import { ROOM_LOG } from '../log/room-log.token.js'
import { TickFlusher } from '../transport/outbox.js'
import { BackpressureRouter } from './backpressure-router.js'
import { RoomDelivery } from './room-delivery.js'

@Module({
  imports: [LogModule],
  providers: [
    TickFlusher,
    {
      provide: BackpressureRouter,
      inject: [ROOM_LOG, Settings, TickFlusher],
      useFactory: (log: RoomLog, settings: Settings, flusher: TickFlusher) =>
        new BackpressureRouter({
          log,
          settings,
          nowMs: () => performance.now(),
          nextTick: setImmediate,
          flush: () => flusher.flush(),
        }),
    },
    { provide: RoomDelivery, useExisting: BackpressureRouter },
  ],
  exports: [RoomDelivery, BackpressureRouter, TickFlusher],
})
export class DeliveryModule {}
