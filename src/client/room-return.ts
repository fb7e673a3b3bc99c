/**
 * Brings a room back on a connection whose session was not resumed, or whose RESUMED did not tell of it. Asks first
 * whether the user is still a member: JOIN would bring back who was removed meanwhile.
 */
import type { Clock } from '../clock.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { ClientConnection } from './client-connection.js'
import { Delay } from './delay.js'
import { NestwireError, ServerError } from './errors.js'
import { judgeRetry } from './retry.js'
import type { EndReason, RoomFeed } from './room-feed.js'

interface RoomReturnOptions {
  readonly clock: Clock
  /** 0 up to 1, for the jitter. */
  readonly random: () => number
}

const endings = new Map<number, EndReason>([
  [ErrorCode.NotAMember, 'notAMember'],
  [ErrorCode.RoomNotFound, 'notAMember'],
  [ErrorCode.Banned, 'banned'],
])

export class RoomReturn {
  private readonly delays = new Set<Delay>()

  constructor(private readonly options: RoomReturnOptions) {}

  /** Resolves when the room is back or has ended, or the connection has. */
  async bringBack(feed: RoomFeed, connection: ClientConnection): Promise<void> {
    for (let attempt = 0; feed.endReason === undefined && connection.closedBy === undefined; attempt += 1) {
      const error = await this.join(feed, connection)
      if (error === undefined || connection.closedBy !== undefined) return
      const ending = error instanceof ServerError ? endings.get(error.errorCode) : undefined
      if (ending !== undefined) return feed.end(ending)
      const verdict = judgeRetry(error, attempt, this.options.random)
      if (verdict.kind === 'stop') return feed.end('closed', error)
      await this.wait(verdict.delayMs)
    }
  }

  /** The connection is lost: nobody need wait any longer. */
  cancel(): void {
    for (const delay of this.delays) delay.cancel()
  }

  private async join(feed: RoomFeed, connection: ClientConnection): Promise<NestwireError | undefined> {
    try {
      await this.requireMembership(feed, connection)
      await connection.join(feed.room, (joined) => feed.joined(connection, joined))
      return undefined
    } catch (error) {
      if (error instanceof NestwireError) return error
      throw error
    }
  }

  private async requireMembership({ room }: RoomFeed, connection: ClientConnection): Promise<void> {
    try {
      await connection.request('chat.history', { room, limit: 1 })
    } catch (error) {
      // Who cannot be told is told by JOIN.
      if (error instanceof ServerError && endings.has(error.errorCode)) throw error
    }
  }

  private async wait(delayMs: number): Promise<void> {
    const delay = new Delay(this.options.clock, delayMs)
    this.delays.add(delay)
    await delay.done
    this.delays.delete(delay)
  }
}
