import { Module, type DynamicModule } from '@nestjs/common'
import { NestwireClientModule } from 'nestwire'
import { BotService } from './bot.service.js'
import { BOT_SETTINGS } from './bot.tokens.js'
import type { BotSettings } from './bot-settings.js'
import { PostController } from './post.controller.js'

@Module({})
export class BotModule {
  static forRoot(settings: BotSettings): DynamicModule {
    const { host, port, token } = settings
    return {
      module: BotModule,
      imports: [NestwireClientModule.register({ host, port, token, agent: 'bot-service' })],
      controllers: [PostController],
      providers: [{ provide: BOT_SETTINGS, useValue: settings }, BotService],
    }
  }
}
