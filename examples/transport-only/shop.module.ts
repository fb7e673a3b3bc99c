import { Module, type DynamicModule } from '@nestjs/common'
import { ClientsModule } from '@nestjs/microservices'
import { NestwireClient } from 'nestwire'
import { ShopController } from './shop.controller.js'
import { STOCK } from './shop.tokens.js'

@Module({ controllers: [ShopController] })
export class ShopModule {
  /** Where the stock service is. */
  static of(host: string, port: number): DynamicModule {
    return {
      module: ShopModule,
      imports: [ClientsModule.register([{ name: STOCK, customClass: NestwireClient, options: { host, port } }])],
    }
  }
}
