import { Module, type OnApplicationShutdown } from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { Settings } from '../config/settings.js'
import { DeliveryModule } from '../delivery/delivery.module.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { LogModule } from '../log/log.module.js'
import type { RoomLog } from '../log/room-log.js'
import { ROOM_LOG, STATE_STORE } from '../log/room-log.token.js'
import type { StateStore } from '../log/state-store.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { TimerWheel } from '../transport/timer-wheel.js'
import { MembershipService } from './membership.service.js'
import { Presence } from './presence.js'
import { RoomCatalogueService } from './room-catalogue.service.js'
import { DefaultRoomPolicy, RoomPolicy } from './room-policy.js'
import { RoomRegistry } from './room-registry.js'
import { RoomResumption } from './room-resumption.service.js'
import { RoomStore } from './room-store.js'
import { RoomsController } from './rooms.controller.js'
import { RoomsService } from './rooms.service.js'

function createMemberships(
  registry: RoomRegistry,
  store: RoomStore,
  log: RoomLog,
  delivery: RoomDelivery,
  sessions: SessionsService,
  presence: Presence,
  settings: Settings,
  clock: Clock,
): MembershipService {
  return new MembershipService({ registry, store, log, delivery, sessions, presence, settings, clock })
}

@Module({
  imports: [LogModule, DeliveryModule, SessionsModule],
  controllers: [RoomsController],
  providers: [
    RoomsService,
    RoomCatalogueService,
    RoomResumption,
    RoomRegistry,
    { provide: RoomPolicy, useClass: DefaultRoomPolicy },
    {
      provide: Presence,
      inject: [RoomDelivery, Settings, CLOCK],
      useFactory: (delivery: RoomDelivery, settings: Settings, clock: Clock) =>
        new Presence(delivery, settings, new TimerWheel(clock)),
    },
    {
      provide: RoomStore,
      inject: [STATE_STORE, ROOM_LOG, RoomRegistry, CLOCK],
      useFactory: (state: StateStore, log: RoomLog, registry: RoomRegistry, clock: Clock) =>
        new RoomStore({ state, log, registry, clock }),
    },
    {
      provide: MembershipService,
      inject: [RoomRegistry, RoomStore, ROOM_LOG, RoomDelivery, SessionsService, Presence, Settings, CLOCK],
      useFactory: createMemberships,
    },
  ],
  exports: [RoomRegistry, RoomPolicy, RoomResumption],
})
export class RoomsModule implements OnApplicationShutdown {
  constructor(private readonly presence: Presence) {}

  onApplicationShutdown(): void {
    this.presence.close()
  }
}
