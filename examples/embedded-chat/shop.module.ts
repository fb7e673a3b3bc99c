import { Module, type DynamicModule } from '@nestjs/common'
import { NestwireClientModule } from 'nestwire'
import { NestwireModule } from 'nestwire/server'
import { LiveRooms } from './live-rooms.js'
import { OrdersController } from './orders.controller.js'
import { OrdersHandler } from './orders.handler.js'
import { serviceToken } from './service-token.js'
import type { ShopSettings } from './shop-settings.js'

@Module({})
export class ShopModule {
  static forRoot({ chatPort, secret, dataDir }: ShopSettings): DynamicModule {
    return {
      module: ShopModule,
      imports: [
        NestwireModule.forRoot({
          httpPrefix: 'chat',
          settings: { NESTWIRE_PORT: chatPort, NESTWIRE_AUTH_SECRET: secret, NESTWIRE_DATA_DIR: dataDir },
        }),
        // Asked for a token before each login, so that it may be a short-lived one.
        NestwireClientModule.register({ port: chatPort, token: () => serviceToken(secret), agent: 'shop' }),
      ],
      controllers: [OrdersController, OrdersHandler],
      providers: [LiveRooms],
    }
  }
}
