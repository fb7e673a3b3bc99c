import { Module, type DynamicModule } from '@nestjs/common'
import { ClientsModule } from '@nestjs/microservices'
import { NestwireClient } from 'nestwire'
import { BotService } from './bot.service.js'
import { BOT_SETTINGS, CHAT } from './bot.tokens.js'
import type { BotSettings } from './bot-settings.js'
import { PostController } from './post.controller.js'

@Module({})
export class BotModule {
  static forRoot(settings: BotSettings): DynamicModule {
    const provided = { provide: BOT_SETTINGS, useValue: settings }
    return {
      module: BotModule,
      imports: [
        ClientsModule.registerAsync([
          {
            name: CHAT,
            extraProviders: [provided],
            inject: [BOT_SETTINGS],
            useFactory: ({ host, port, token }: BotSettings) => ({
              customClass: NestwireClient,
              options: { host, port, token, agent: 'bot-service' },
            }),
          },
        ]),
      ],
      controllers: [PostController],
      providers: [provided, BotService],
    }
  }
}
