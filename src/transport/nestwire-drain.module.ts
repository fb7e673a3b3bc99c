import { Module, type DynamicModule, type OnModuleDestroy, type Type } from '@nestjs/common'
import { NestwireServer } from './nestwire-server.js'

/**
 * The root of an application that drains its transport before anything else ends: Nest runs shutdown hooks from the root
 * module on, and closes the transport last, when they have taken away what handlers in flight still need.
 */
@Module({})
export class NestwireDrainModule implements OnModuleDestroy {
  constructor(private readonly server: NestwireServer) {}

  /** `root` is the application's own root module, `server` its strategy. */
  static around(root: Type | DynamicModule, server: NestwireServer): DynamicModule {
    return {
      module: NestwireDrainModule,
      imports: [root],
      providers: [{ provide: NestwireServer, useValue: server }],
    }
  }

  onModuleDestroy(): Promise<void> {
    return this.server.close()
  }
}
