/**
 * How fast one connection is read, whatever its frames carry: what comes fills two buckets that leak evenly, and while one
 * of them is full nothing is read. A second's worth may come at once. Whole numbers, and three of them: there is one of
 * these per connection.
 */

import type { Principal } from './authentication.js'

export interface PaceLimits {
  readonly inboundFramesPerSecond: number
  readonly inboundBytesPerSecond: number
}

interface Paced {
  readonly principal: Principal | undefined
  readonly host: { readonly authentication: 'none' | 'token' }
}

/** Services and admins are, and everybody where nobody logs in: one connection may speak for many there. */
export const isReadAtAnyPace = ({ principal, host }: Paced): boolean =>
  host.authentication === 'none' || (principal !== undefined && principal.role !== 'user')

export class InboundPace {
  private frames = 0
  private bytes = 0

  constructor(private leakedAtMs: number) {}

  count(frameBytes: number): void {
    this.frames += 1
    this.bytes += frameBytes
  }

  /** To be asked before each `count`. With a time that moves in steps most frames cost three comparisons. */
  isExceeded(limits: PaceLimits, nowMs: number): boolean {
    if (nowMs !== this.leakedAtMs) this.leak(limits, nowMs)
    return this.isFull(limits)
  }

  /** Until when one of them is full; `Infinity` if none is. */
  fullUntilMs({ inboundFramesPerSecond, inboundBytesPerSecond }: PaceLimits): number {
    const waitMs = Math.max(waitFor(this.frames, inboundFramesPerSecond), waitFor(this.bytes, inboundBytesPerSecond))
    return waitMs === 0 ? Infinity : this.leakedAtMs + waitMs
  }

  private isFull({ inboundFramesPerSecond, inboundBytesPerSecond }: PaceLimits): boolean {
    return this.frames >= inboundFramesPerSecond || this.bytes >= inboundBytesPerSecond
  }

  private leak({ inboundFramesPerSecond, inboundBytesPerSecond }: PaceLimits, nowMs: number): void {
    const elapsedMs = nowMs - this.leakedAtMs
    this.leakedAtMs = nowMs
    this.frames = Math.max(0, this.frames - Math.floor((inboundFramesPerSecond * elapsedMs) / 1000))
    this.bytes = Math.max(0, this.bytes - Math.floor((inboundBytesPerSecond * elapsedMs) / 1000))
  }
}

/** Until a bucket that holds `level` is no longer full. */
const waitFor = (level: number, perSecond: number): number =>
  level < perSecond ? 0 : Math.ceil(((level - perSecond + 1) * 1000) / perSecond)
