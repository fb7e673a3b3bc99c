import 'reflect-metadata'
import type { INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ShopModule } from './shop.module.js'

export async function startShop(env: Readonly<Record<string, string | undefined>>): Promise<INestApplication> {
  const module = ShopModule.of(env['STOCK_HOST'] ?? '127.0.0.1', Number(env['STOCK_PORT'] ?? 7425))
  const app = await NestFactory.create(module, { logger: ['error', 'warn'] })
  app.enableShutdownHooks()
  await app.listen(Number(env['SHOP_HTTP_PORT'] ?? 7440), '127.0.0.1')
  return app
}
