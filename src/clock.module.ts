import { Module, type DynamicModule } from '@nestjs/common'
import type { Clock } from './clock.js'

/** Injection token of the one `Clock` that the whole server goes by. */
export const CLOCK = Symbol('Clock')

@Module({})
export class ClockModule {
  static forRoot(clock: Clock): DynamicModule {
    return {
      module: ClockModule,
      global: true,
      providers: [{ provide: CLOCK, useValue: clock }],
      exports: [CLOCK],
    }
  }
}
