/** One kind of attack: what it does, and what must show that it has happened. */
import type { MetricQuery } from './metrics-page.js'
import type { Scene } from './scene.js'

export interface Attack {
  readonly name: string
  /** Each grows by `least` or more. */
  readonly metrics: readonly (MetricQuery & { readonly least: number })[]
  /** The server speaks TLS, and so do the honest. */
  readonly isOverTls?: true
  /** It lasts until the server's deadline has ended it: of the handshake, or for who does not read. */
  readonly isDeadlineAwaited?: true
  /** No attack: what the honest then wait is what it costs them that the machine is shared. Reported, and not judged. */
  readonly isControl?: true
  /** Resolves when it is over; what is not as it has to be goes to the scene. */
  run(scene: Scene): Promise<void>
}
