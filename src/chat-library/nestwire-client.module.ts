import { ConfigurableModuleBuilder, Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { NestwireClient } from '../transport/nestwire-client.js'
import type { ChatServiceOptions } from './chat-service-options.js'
import { getChatToken, getNestwireToken } from './chat-tokens.js'
import { ChatService } from './chat.service.js'

interface Extras {
  /** Of a further client; injected by `@InjectChat(name)` and `@InjectNestwire(name)`. */
  readonly name?: string | undefined
  /** Whether modules see it that do not import it; default false. */
  readonly isGlobal?: boolean
}

/** By which the module finds its own two, whatever their name. */
const OWN_CLIENT = Symbol('NestwireClient of this module')
const OWN_CHAT = Symbol('ChatService of this module')

const extras: Extras = { name: undefined, isGlobal: false }

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<ChatServiceOptions>()
  .setExtras(extras, (definition, { name, isGlobal = false }) => ({
    ...definition,
    global: isGlobal,
    providers: [
      ...(definition.providers ?? []),
      { provide: getNestwireToken(name), useExisting: OWN_CLIENT },
      { provide: getChatToken(name), useExisting: OWN_CHAT },
    ],
    exports: [getNestwireToken(name), getChatToken(name)],
  }))
  .build()

/**
 * `register` or `registerAsync`: a `ChatService` and a `NestwireClient` for one server or cluster. Each is connected by its
 * first call, and closed in `onApplicationShutdown`. Each `register` makes a client of its own.
 */
@Module({
  providers: [
    {
      provide: OWN_CLIENT,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: ChatServiceOptions) => new NestwireClient(options),
    },
    {
      provide: OWN_CHAT,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: ChatServiceOptions) => new ChatService(options),
    },
  ],
})
export class NestwireClientModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  constructor(
    @Inject(OWN_CLIENT) private readonly client: NestwireClient,
    @Inject(OWN_CHAT) private readonly chat: ChatService,
  ) {
    super()
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.client.close(), this.chat.close()])
  }
}
