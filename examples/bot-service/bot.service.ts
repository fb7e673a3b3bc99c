import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { NestwireClient } from 'nestwire'
import { EMPTY, catchError, concatMap, filter, retry, timer, type Observable, type Subscription } from 'rxjs'
import { BOT_SETTINGS, CHAT } from './bot.tokens.js'
import type { BotSettings } from './bot-settings.js'

const RETRY_AFTER_MS = 5_000

/** Answers `!time` in its room. */
@Injectable()
export class BotService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('Bot')
  private following: Subscription | undefined

  constructor(
    @Inject(CHAT) private readonly chat: NestwireClient,
    @Inject(BOT_SETTINGS) private readonly settings: BotSettings,
  ) {}

  onApplicationBootstrap(): void {
    this.following = this.chat
      .follow(this.settings.room)
      .pipe(
        filter((item) => item.kind === 'text' && item.text.trim() === '!time'),
        concatMap(() => this.say(`It is ${new Date().toISOString()}.`)),
        // A lost connection comes back by itself; this is for a server that was not there yet.
        retry({ delay: (error) => this.later(error) }),
      )
      .subscribe()
  }

  beforeApplicationShutdown(): void {
    this.following?.unsubscribe()
  }

  private say(text: string): Observable<unknown> {
    return this.chat.send('chat.send', { room: this.settings.room, text }).pipe(
      catchError((error: unknown) => {
        this.logger.warn(error)
        return EMPTY
      }),
    )
  }

  private later(error: unknown): Observable<unknown> {
    this.logger.warn(error)
    return timer(RETRY_AFTER_MS)
  }
}
