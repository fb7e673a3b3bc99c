import { Module, type DynamicModule } from '@nestjs/common'
import { ConfigModule } from '@nestjs/config'
import { loadSettings, type Environment } from './load-settings.js'
import type { SettingsValue } from './settings-schema.js'
import { Settings } from './settings.js'

/** Makes `Settings` injectable everywhere. */
@Module({})
export class SettingsModule {
  /**
   * Without `env`: the file `.env` of the working directory, then the environment of the process, which wins. Rejects
   * with `SettingsError` before Nest has started anything.
   */
  static async forRoot(env?: Environment): Promise<DynamicModule> {
    const { value, configModule } = await read(env)
    return {
      module: SettingsModule,
      global: true,
      imports: [configModule],
      providers: [{ provide: Settings, useValue: new Settings(value) }],
      exports: [Settings],
    }
  }
}

async function read(env?: Environment): Promise<{ value: SettingsValue; configModule: DynamicModule }> {
  let value: SettingsValue | undefined
  const configModule = await ConfigModule.forRoot({
    ignoreEnvFile: env !== undefined,
    validate: (merged) => {
      value = loadSettings(env ?? merged)
      // Nothing goes back into `process.env`: children must not inherit a secret from the file.
      return {}
    },
  })
  return { value: value ?? loadSettings(env ?? {}), configModule }
}
