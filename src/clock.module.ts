import { Module, type DynamicModule, type FactoryProvider } from '@nestjs/common'
import type { Clock } from './clock.js'

/** Injection token of the one `Clock` that the whole server goes by. */
export const CLOCK = Symbol('Clock')

@Module({})
export class ClockModule {
  static from(source: Pick<FactoryProvider<Clock>, 'inject' | 'useFactory'>): DynamicModule {
    return {
      module: ClockModule,
      global: true,
      providers: [{ provide: CLOCK, ...source }],
      exports: [CLOCK],
    }
  }
}
