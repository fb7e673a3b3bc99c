import { Injectable } from '@nestjs/common'
import type { Ping } from '../client/chat-client.js'

/** A `ChatService`, or what can be asked like one. */
export interface Pingable {
  /** Resolves when the server has answered. */
  ping(deadlineMs: number): Promise<Ping>
  /** How long its slowest listener has been at one item; absent where nobody listens. */
  readonly lagMs?: number
}

export interface HealthOptions {
  /** Without an answer in this time it is down; default 1,000. */
  readonly timeoutMs?: number
  /** An answer that took longer: degraded; default 250. */
  readonly maxRoundTripMs?: number
  /** A listener that is busy with one item for longer: degraded; default 30,000. */
  readonly maxLagMs?: number
}

export interface NestwireHealth {
  readonly status: 'up' | 'degraded' | 'down'
  /** Why it is not up. */
  readonly message?: string
  readonly roundTripMs?: number
  readonly isDraining?: boolean
  readonly lagMs?: number
}

/**
 * An indicator for `@nestjs/terminus`: `health.check([() => nestwire.check('chat', chat)])`. It imports nothing of terminus,
 * so that whoever does not use terminus need not install it.
 */
@Injectable()
export class NestwireHealthIndicator {
  /** Asks the server anew each time. Never rejects. */
  async check<const Key extends string>(
    key: Key,
    client: Pingable,
    options: HealthOptions = {},
  ): Promise<Record<Key, NestwireHealth>> {
    return named(key, await judge(client, options))
  }
}

async function judge(client: Pingable, options: HealthOptions): Promise<NestwireHealth> {
  const { timeoutMs = 1_000, maxRoundTripMs = 250, maxLagMs = 30_000 } = options
  try {
    const { roundTripMs, isDraining } = await client.ping(timeoutMs)
    const { lagMs = 0 } = client
    const figures = { roundTripMs, isDraining, lagMs }
    if (isDraining) return { status: 'degraded', message: 'the server drains', ...figures }
    if (roundTripMs > maxRoundTripMs) return { status: 'degraded', message: 'the server answers slowly', ...figures }
    if (lagMs > maxLagMs) return { status: 'degraded', message: 'a listener takes too long', ...figures }
    return { status: 'up', ...figures }
  } catch (error) {
    return { status: 'down', message: reasonOf(error) }
  }
}

/** With the cause: it is what the operator can mend. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

// A computed key widens to `string`.
const named = <Key extends string>(key: Key, health: NestwireHealth): Record<Key, NestwireHealth> =>
  ({ [key]: health }) as Record<Key, NestwireHealth>
