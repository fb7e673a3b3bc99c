import { Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { DeliveryModule } from '../delivery/delivery.module.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { LogModule } from '../log/log.module.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { TimerWheel } from '../transport/timer-wheel.js'
import { MembershipService } from './membership.service.js'
import { Presence } from './presence.js'
import { RoomCatalogueService } from './room-catalogue.service.js'
import { DefaultRoomPolicy, RoomPolicy } from './room-policy.js'
import { RoomRegistry } from './room-registry.js'
import { RoomsController } from './rooms.controller.js'
import { RoomsService } from './rooms.service.js'

@Module({
  imports: [LogModule, DeliveryModule, SessionsModule],
  controllers: [RoomsController],
  providers: [
    RoomsService,
    RoomCatalogueService,
    RoomRegistry,
    { provide: RoomPolicy, useClass: DefaultRoomPolicy },
    {
      provide: Presence,
      inject: [RoomDelivery, Settings, CLOCK],
      useFactory: (delivery: RoomDelivery, settings: Settings, clock: Clock) =>
        new Presence(delivery, settings, new TimerWheel(clock)),
    },
    {
      provide: MembershipService,
      inject: [RoomRegistry, RoomDelivery, SessionsService, Presence, Settings, CLOCK],
      useFactory: (
        registry: RoomRegistry,
        delivery: RoomDelivery,
        sessions: SessionsService,
        presence: Presence,
        settings: Settings,
        clock: Clock,
      ) => new MembershipService({ registry, delivery, sessions, presence, settings, clock }),
    },
  ],
  exports: [RoomRegistry, RoomPolicy],
})
export class RoomsModule implements OnApplicationShutdown {
  constructor(private readonly presence: Presence) {}

  onApplicationShutdown(): void {
    this.presence.close()
  }
}
