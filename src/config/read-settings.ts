import { ConfigModule } from '@nestjs/config'
import { ConfigFile } from './config-file.js'
import type { ConfigPlaces } from './config-reload.js'
import { loadSettings, type Environment } from './load-settings.js'
import { mergedSources, ownVariables, shadowedIn } from './setting-sources.js'
import type { SettingName } from './settings-schema.js'
import { Settings } from './settings.js'

/** Settings that code gives, by the names of their variables. */
export type GivenSettings = { readonly [Name in SettingName]?: string | number | boolean | undefined }

/** Settings, and where they were read and are to be read again. */
export class LoadedSettings {
  constructor(
    readonly settings: Settings,
    readonly places: ConfigPlaces,
  ) {}
}

/**
 * `given` wins over the environment of the process, which wins over the file that it names, by default `.env` of the working
 * folder. Rejects with `StartUpError`.
 */
export async function readSettings(given: GivenSettings = {}): Promise<LoadedSettings> {
  const environment = { ...(await environmentOfProcess()), ...asTexts(given) }
  return load(environment, ConfigFile.of(environment, { isDefaultWanted: true }))
}

/** Only what `env` says, and the file if it names one. */
export function readSettingsFrom(env: Environment): Promise<LoadedSettings> {
  const environment = ownVariables(env)
  return load(environment, ConfigFile.of(environment, { isDefaultWanted: false }))
}

async function load(environment: Environment, file: ConfigFile | undefined): Promise<LoadedSettings> {
  const fileSignature = (await file?.signature()) ?? ''
  const sources = { environment, file: (await file?.read()) ?? {} }
  const settings = new Settings(loadSettings(mergedSources(sources), shadowedIn(sources)))
  return new LoadedSettings(settings, { sources, file, fileSignature })
}

async function environmentOfProcess(): Promise<Environment> {
  let environment: Environment = {}
  await ConfigModule.forRoot({
    ignoreEnvFile: true,
    validate: (ofProcess) => {
      environment = ownVariables(ofProcess)
      // Nothing goes back into `process.env`: children must not inherit a secret from the file.
      return {}
    },
  })
  return environment
}

const asTexts = (given: GivenSettings): Environment =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
