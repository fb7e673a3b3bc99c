import 'reflect-metadata'
import type { INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import { NestwireDrainModule, NestwireServer } from 'nestwire'
import { StockModule } from './stock.module.js'

export async function startStock(env: Readonly<Record<string, string | undefined>>): Promise<INestMicroservice> {
  const server = new NestwireServer({ host: env['STOCK_HOST'] ?? '127.0.0.1', port: Number(env['STOCK_PORT'] ?? 7425) })
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    NestwireDrainModule.around(StockModule, server),
    { strategy: server, logger: ['error', 'warn'] },
  )
  app.enableShutdownHooks()
  await app.listen()
  return app
}
