import { Module, type DynamicModule } from '@nestjs/common'
import type { Clock } from './clock.js'
import type { Environment } from './config/load-settings.js'
import { readSettings, readSettingsFrom } from './config/read-settings.js'
import type { Settings } from './config/settings.js'
import { NestwireModule } from './nestwire.module.js'

/** The server by itself, with its pages at the root. */
@Module({})
export class AppModule {
  /**
   * `env` instead of `.env` and the environment of the process. Rejects with `StartUpError` before Nest has started
   * anything.
   */
  static async forRoot(
    env?: Environment,
    clock?: Clock,
  ): Promise<{ readonly root: DynamicModule; readonly settings: Settings }> {
    const loaded = await (env === undefined ? readSettings() : readSettingsFrom(env))
    const options = { settings: loaded, httpPrefix: '', ...(clock && { clock }) }
    const root = { module: AppModule, imports: [NestwireModule.forRoot(options)] }
    return { root, settings: loaded.settings }
  }
}
