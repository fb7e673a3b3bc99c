/** The real application under a hand-turned clock, and people who talk over real sockets. Cleans up after its test. */
import type { TokenRequest } from '../../src/auth/token-issuer.js'
import type { Environment } from '../../src/config/load-settings.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import { ChatUser } from './chat-user.js'
import { ManualClock } from './manual-clock.js'
import { runApp, type TestApp } from './running-app.js'

export interface Chat extends TestApp {
  readonly clock: ManualClock
  readonly port: number
  /** Somebody past AUTH. A second call with the same name is a second device. */
  readonly connect: (user: string, over?: Partial<TokenRequest>) => Promise<ChatUser>
  /** Sessions there are now, as the server counts them. */
  readonly sessionCount: () => number
  /** Takes the server down in order; resolves when everybody has been told. */
  readonly drain: () => Promise<void>
}

/** Time stands still: no ping, no deadline and no presence event comes unless a test advances the clock. */
export async function startChat(env: Environment = {}): Promise<Chat> {
  const clock = new ManualClock()
  const running = await runApp(env, clock)
  const { port } = running.address
  const sessions = running.app.get(SessionsService, { strict: false })
  return {
    ...running,
    clock,
    port,
    connect: async (user, over) => ChatUser.login(port, await running.tokenOf(user, over)),
    sessionCount: () => sessions.count,
    drain: () => running.server.close(),
  }
}
