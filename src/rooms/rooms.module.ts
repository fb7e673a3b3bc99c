import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common'
import { AbuseModule } from '../abuse/abuse.module.js'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { NatsSignals } from '../cluster/nats-signals.js'
import { LoneRoomSignals } from '../cluster/room-signals.js'
import { Settings } from '../config/settings.js'
import { DeliveryModule } from '../delivery/delivery.module.js'
import { RoomDelivery } from '../delivery/room-delivery.js'
import { LogModule } from '../log/log.module.js'
import type { RoomLog } from '../log/room-log.js'
import { ROOM_LOG, SHARING, STATE_STORE } from '../log/room-log.token.js'
import { RoomOwnership } from '../log/room-ownership.js'
import type { Sharing } from '../log/sharing.js'
import type { StateStore } from '../log/state-store.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { assembleRooms, type AssembledRooms } from './assemble-rooms.js'
import { assembleSignals, type AssembledSignals } from './assemble-signals.js'
import { MembershipService } from './membership.service.js'
import { Presence } from './presence.js'
import { RoomCatalogueService } from './room-catalogue.service.js'
import { RoomLimits } from './room-limits.js'
import { RoomPolicy } from './room-policy.js'
import { RoomRegistry } from './room-registry.js'
import { RoomResumption } from './room-resumption.service.js'
import { RoomStore } from './room-store.js'
import { RoomsController } from './rooms.controller.js'
import { RoomsService } from './rooms.service.js'
import { SignalsService } from './signals.service.js'

const ASSEMBLED_ROOMS = Symbol('AssembledRooms')
const ASSEMBLED_SIGNALS = Symbol('AssembledSignals')

function assemble(
  sharing: Sharing,
  state: StateStore,
  log: RoomLog,
  ownership: RoomOwnership,
  registry: RoomRegistry,
  delivery: RoomDelivery,
  sessions: SessionsService,
  presence: Presence,
  settings: Settings,
  clock: Clock,
): AssembledRooms {
  return assembleRooms({ sharing, state, log, ownership, registry, delivery, sessions, presence, settings, clock })
}

function createSignals(
  sharing: Sharing,
  registry: RoomRegistry,
  policy: RoomPolicy,
  delivery: RoomDelivery,
  settings: Settings,
  clock: Clock,
): AssembledSignals {
  const roomSignals =
    sharing.kind === 'cluster' ? new NatsSignals(sharing.link, settings.current.cluster.name) : new LoneRoomSignals()
  return assembleSignals({ roomSignals, registry, policy, delivery, settings, clock })
}

@Module({
  imports: [AbuseModule, LogModule, DeliveryModule, SessionsModule],
  controllers: [RoomsController],
  providers: [
    RoomsService,
    RoomLimits,
    RoomCatalogueService,
    RoomResumption,
    RoomRegistry,
    {
      provide: ASSEMBLED_SIGNALS,
      inject: [SHARING, RoomRegistry, RoomPolicy, RoomDelivery, Settings, CLOCK],
      useFactory: createSignals,
    },
    { provide: Presence, inject: [ASSEMBLED_SIGNALS], useFactory: ({ presence }: AssembledSignals) => presence },
    { provide: SignalsService, inject: [ASSEMBLED_SIGNALS], useFactory: ({ signals }: AssembledSignals) => signals },
    {
      provide: ASSEMBLED_ROOMS,
      inject: [
        SHARING,
        STATE_STORE,
        ROOM_LOG,
        RoomOwnership,
        RoomRegistry,
        RoomDelivery,
        SessionsService,
        Presence,
        Settings,
        CLOCK,
      ],
      useFactory: assemble,
    },
    { provide: RoomStore, inject: [ASSEMBLED_ROOMS], useFactory: ({ store }: AssembledRooms) => store },
    {
      provide: MembershipService,
      inject: [ASSEMBLED_ROOMS],
      useFactory: ({ memberships }: AssembledRooms) => memberships,
    },
  ],
  exports: [RoomRegistry, RoomResumption, Presence, MembershipService],
})
export class RoomsModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly presence: Presence,
    private readonly signals: SignalsService,
    @Inject(ASSEMBLED_ROOMS) private readonly rooms: AssembledRooms,
  ) {}

  /** After that of `RoomStore`, which has loaded the rooms. */
  onModuleInit(): void {
    this.rooms.replica?.loaded()
    this.presence.start()
  }

  async onApplicationShutdown(): Promise<void> {
    this.signals.close()
    this.presence.close()
    await this.rooms.replica?.close()
  }
}
