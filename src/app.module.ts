import { Module, type DynamicModule } from '@nestjs/common'
import { AuthModule } from './auth/auth.module.js'
import { ChatModule } from './chat/chat.module.js'
import { ClockModule } from './clock.module.js'
import { systemClock, type Clock } from './clock.js'
import type { Environment } from './config/load-settings.js'
import { SettingsModule } from './config/settings.module.js'
import { HealthModule } from './health/health.module.js'
import { RoomsModule } from './rooms/rooms.module.js'
import { ServerModule } from './server.module.js'

@Module({})
export class AppModule {
  /** `env` instead of `.env` and the environment of the process. Rejects with `SettingsError`. */
  static async forRoot(env?: Environment, clock: Clock = systemClock): Promise<DynamicModule> {
    const settings = await SettingsModule.forRoot(env)
    return {
      module: AppModule,
      imports: [settings, ClockModule.forRoot(clock), ServerModule, AuthModule, RoomsModule, ChatModule, HealthModule],
    }
  }
}
