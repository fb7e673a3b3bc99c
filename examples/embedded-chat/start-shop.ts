import 'reflect-metadata'
import type { INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { NestwireServer } from 'nestwire'
import { ShopModule } from './shop.module.js'
import { readShopSettings } from './shop-settings.js'

export async function startShop(env: Readonly<Record<string, string | undefined>>): Promise<INestApplication> {
  const settings = readShopSettings(env)
  const app = await NestFactory.create(ShopModule.forRoot(settings), {
    logger: ['error', 'warn'],
    forceCloseConnections: true,
  })
  app.connectMicroservice(
    { inject: [NestwireServer], useFactory: (server: NestwireServer) => ({ strategy: server }) },
    { inheritAppConfig: true },
  )
  app.enableShutdownHooks()
  await app.init()
  await app.startAllMicroservices()
  await app.listen(settings.httpPort, '127.0.0.1')
  return app
}
