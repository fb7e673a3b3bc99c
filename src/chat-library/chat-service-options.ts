import type { ChatClientOptions } from '../client/chat-client.js'
import type { NestwireClientOptions } from '../transport/nestwire-client.js'

/** All optional: without any, a client of 127.0.0.1:7420 that has no token. */
export interface ChatServiceOptions
  extends NestwireClientOptions, Pick<ChatClientOptions, 'roomBuffer' | 'sendBuffer'> {
  /**
   * How long a call may take, the wait for a connection included; then it fails with DEADLINE_EXCEEDED. 0 = for ever.
   * Default 10 s; of the `NestwireClient` beside it 30 s.
   */
  readonly callTimeoutMs?: number
}

export const DEFAULT_CALL_TIMEOUT_MS = 10_000
