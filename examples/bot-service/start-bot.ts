import 'reflect-metadata'
import type { INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { BotModule } from './bot.module.js'
import { readBotSettings } from './bot-settings.js'

export async function startBot(env: Readonly<Record<string, string | undefined>>): Promise<INestApplication> {
  const settings = readBotSettings(env)
  const app = await NestFactory.create(BotModule.forRoot(settings), { logger: ['error', 'warn'] })
  app.enableShutdownHooks()
  await app.listen(settings.httpPort, '127.0.0.1')
  return app
}
