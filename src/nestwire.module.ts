/**
 * The whole chat server as a module of an application: transport, log, rooms, sessions, and the HTTP pages, if they are
 * wanted. It ends no process, hears no signals and leaves the logger alone; whoever imports it connects `NestwireServer` as a
 * microservice and listens.
 */
import { ConfigurableModuleBuilder, Module, type Type } from '@nestjs/common'
import { RouterModule } from '@nestjs/core'
import { AdminModule } from './admin/admin.module.js'
import { AuthModule } from './auth/auth.module.js'
import { ChatModule } from './chat/chat.module.js'
import { ClockModule } from './clock.module.js'
import { systemClock, type Clock } from './clock.js'
import { ClusterModule } from './cluster/cluster.module.js'
import { ClusterViewModule } from './cluster/cluster-view.module.js'
import { LoadedSettings, readSettings, type GivenSettings } from './config/read-settings.js'
import { SettingsModule } from './config/settings.module.js'
import { HealthModule } from './health/health.module.js'
import { MetricsModule } from './metrics/metrics.module.js'
import { DefaultRoomPolicy, RoomPolicy } from './rooms/room-policy.js'
import { RoomsModule } from './rooms/rooms.module.js'
import { ServerModule } from './server.module.js'

export interface NestwireModuleOptions {
  /** What is missing comes from the environment of the process, then from its file, `.env`. `LoadedSettings` are complete. */
  readonly settings?: GivenSettings | LoadedSettings
  readonly clock?: Clock
}

interface Extras {
  /** Before the paths of health, metrics, cluster and admin; `''`: nothing, `false`: no pages. Default false: they are on the
   * application's own port, for whoever reaches it. */
  readonly httpPrefix?: string | false
  /** Who may do what in rooms; default `DefaultRoomPolicy`. Made once, by Nest: its constructor may ask for `Settings`,
   * `ClusterRouter`, and what global modules and the `imports` of `forRootAsync` export. `NestwireServer` comes after it. */
  readonly roomPolicy?: Type<RoomPolicy>
}

const OPTIONS = Symbol('NestwireModuleOptions')
const PAGES: readonly Type[] = [HealthModule, MetricsModule, ClusterViewModule, AdminModule]

const extras: Extras = { httpPrefix: false, roomPolicy: DefaultRoomPolicy }

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<NestwireModuleOptions>({
  optionsInjectionToken: OPTIONS,
})
  .setClassMethodName('forRoot')
  .setExtras(extras, (definition, { httpPrefix = false, roomPolicy = DefaultRoomPolicy }) => ({
    ...definition,
    // Settings and clock are made of the options, in modules of their own; the policy is made here, beside `imports`.
    global: true,
    providers: [...(definition.providers ?? []), { provide: RoomPolicy, useClass: roomPolicy }],
    exports: [OPTIONS, ClusterModule, RoomPolicy],
    imports: [
      ...(definition.imports ?? []),
      SettingsModule.from({ inject: [OPTIONS], useFactory: settingsOf }),
      ClockModule.from({ inject: [OPTIONS], useFactory: ({ clock }: NestwireModuleOptions) => clock ?? systemClock }),
      ServerModule,
      ClusterModule,
      AuthModule,
      RoomsModule,
      ChatModule,
      ...(httpPrefix === false ? [] : PAGES),
      ...(httpPrefix ? [RouterModule.register(PAGES.map((module) => ({ path: httpPrefix, module })))] : []),
    ],
  }))
  .build()

/** `forRoot` or `forRootAsync`. A setting that cannot be ends the start with a `StartUpError`. */
@Module({})
export class NestwireModule extends ConfigurableModuleClass {}

function settingsOf({ settings }: NestwireModuleOptions): LoadedSettings | Promise<LoadedSettings> {
  return settings instanceof LoadedSettings ? settings : readSettings(settings)
}
