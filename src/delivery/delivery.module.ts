import { Module } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { LogModule } from '../log/log.module.js'
import type { RoomLog, RoomJournal } from '../log/room-log.js'
import { ROOM_JOURNAL, ROOM_LOG } from '../log/room-log.token.js'
import { TickFlusher } from '../transport/outbox.js'
import { BackpressureRouter } from './backpressure-router.js'
import { RoomDelivery } from './room-delivery.js'

@Module({
  imports: [LogModule],
  providers: [
    TickFlusher,
    {
      provide: BackpressureRouter,
      inject: [ROOM_LOG, ROOM_JOURNAL, Settings, CLOCK, TickFlusher],
      useFactory: (log: RoomLog, journal: RoomJournal, settings: Settings, clock: Clock, flusher: TickFlusher) =>
        new BackpressureRouter({
          log,
          journal,
          settings,
          clock,
          nowMs: () => performance.now(),
          nextTick: setImmediate,
          after: (delayMs, task) => {
            const timer = setTimeout(task, delayMs)
            return () => clearTimeout(timer)
          },
          marked: () => flusher.marked,
          flushBehind: (marked) => flusher.flushBehind(marked),
        }),
    },
    { provide: RoomDelivery, useExisting: BackpressureRouter },
  ],
  exports: [RoomDelivery, BackpressureRouter, TickFlusher],
})
export class DeliveryModule {}
