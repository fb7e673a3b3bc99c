/** How the last connections ended, for who has to find out why. Connections that were never let in are not among them. */
import type { Clock } from '../clock.js'
import { closeCodeName, type CloseCode } from '../protocol/close-codes.js'
import type { ConnectionId, UserId } from '../protocol/ids.js'
import type { ConnectionHandle } from './connection-handle.js'

export const MAX_RECENT_CLOSES = 1_000

export interface RecentClose {
  /** 0: without a code; the client had gone by itself. */
  readonly code: number
  /** The code's, or `Gone`. */
  readonly name: string
  readonly id: ConnectionId
  /** `null`: nobody was logged in. */
  readonly user: UserId | null
  readonly address: string
  /** Unix milliseconds. */
  readonly atMs: number
  readonly lifetimeMs: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export class RecentCloses {
  private readonly ring: RecentClose[] = []
  private next = 0

  constructor(private readonly clock: Pick<Clock, 'now' | 'uptimeMs'>) {}

  add(connection: ConnectionHandle, code: CloseCode | undefined): void {
    const { id, principal, remoteAddress: address } = connection
    const { bytesIn, bytesOut, openedAtMs } = connection.figures
    this.ring[this.next] = {
      code: code ?? 0,
      name: code === undefined ? 'Gone' : closeCodeName(code),
      id,
      user: principal?.user ?? null,
      address,
      atMs: this.clock.now(),
      lifetimeMs: this.clock.uptimeMs() - openedAtMs,
      bytesIn,
      bytesOut,
    }
    this.next = (this.next + 1) % MAX_RECENT_CLOSES
  }

  /** The last `limit`, newest first. */
  latest(limit: number): readonly RecentClose[] {
    return [...this.ring.slice(this.next), ...this.ring.slice(0, this.next)].toReversed().slice(0, limit)
  }
}
