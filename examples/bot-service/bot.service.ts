import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { ChatService, type RoomItem } from 'nestwire'
import type { Subscription } from 'rxjs'
import { BOT_SETTINGS } from './bot.tokens.js'
import type { BotSettings } from './bot-settings.js'

/** Answers `!time` in its room. The server need not be there yet, and may go and come back. */
@Injectable()
export class BotService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Bot')
  private listening: Subscription | undefined

  constructor(
    private readonly chat: ChatService,
    @Inject(BOT_SETTINGS) private readonly settings: BotSettings,
  ) {}

  onApplicationBootstrap(): void {
    this.listening = this.chat
      .onMessage(this.settings.room, (item) => this.answer(item))
      .subscribe({ error: (error: unknown) => this.logger.error(error) })
  }

  beforeApplicationShutdown(): void {
    this.listening?.unsubscribe()
  }

  private async answer(item: RoomItem): Promise<void> {
    if (item.kind !== 'text' || item.text.trim() !== '!time') return
    try {
      await this.chat.send(this.settings.room, `It is ${new Date().toISOString()}.`)
    } catch (error) {
      this.logger.warn(error)
    }
  }
}
