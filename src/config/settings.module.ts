import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type FactoryProvider,
  type OnApplicationBootstrap,
} from '@nestjs/common'
import { CLOCK } from '../clock.module.js'
import type { Clock } from '../clock.js'
import { ConfigFileWatch } from './config-file-watch.js'
import { ConfigReload } from './config-reload.js'
import { LoadedSettings } from './read-settings.js'
import { Settings } from './settings.js'

/** Makes `Settings` injectable everywhere, and reloads them when their file changes. */
@Module({})
export class SettingsModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly watch: ConfigFileWatch | undefined

  constructor(reload: ConfigReload, @Inject(CLOCK) clock: Clock) {
    const { file } = reload
    if (file === undefined) return
    this.watch = new ConfigFileWatch({
      path: file.path,
      clock,
      signature: () => file.signature(),
      readSignature: () => reload.fileSignature,
      onChanged: () => void reload.run('file'),
    })
  }

  /** `source` reads them, when the modules are made. */
  static from(source: Pick<FactoryProvider<LoadedSettings>, 'inject' | 'useFactory'>): DynamicModule {
    return {
      module: SettingsModule,
      global: true,
      providers: [
        { provide: LoadedSettings, ...source },
        { provide: Settings, inject: [LoadedSettings], useFactory: ({ settings }: LoadedSettings) => settings },
        {
          provide: ConfigReload,
          inject: [LoadedSettings, CLOCK],
          useFactory: ({ settings, places }: LoadedSettings, clock: Clock) =>
            new ConfigReload(settings, places, () => clock.now()),
        },
      ],
      exports: [Settings, ConfigReload],
    }
  }

  onApplicationBootstrap(): void {
    this.watch?.start()
  }

  beforeApplicationShutdown(): void {
    this.watch?.close()
  }
}
