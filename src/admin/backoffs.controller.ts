import { Controller, Delete, Get, Inject, Param, Query, UseGuards } from '@nestjs/common'
import { LoginBackoff } from '../abuse/login-backoff.js'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { AdminGuard } from './admin.guard.js'
import { topFrom } from './query.js'

interface BackoffView {
  /** Of IPv6 a network, `2001:db8:0:1::/64`. */
  readonly address: string
  /** Unix milliseconds. */
  readonly untilMs: number
  readonly remainingMs: number
  /** How long it is in all; the next one is twice as long. */
  readonly backoffMs: number
}

/** Addresses that are refused because logins from them have failed; of this node. */
@Controller('admin/backoffs')
@UseGuards(AdminGuard)
export class BackoffsController {
  constructor(
    private readonly backoff: LoginBackoff,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** The `top` that last longest. */
  @Get()
  list(@Query('top') top?: string): { readonly backoffs: readonly BackoffView[] } {
    const nowMs = this.clock.now()
    const backoffs = this.backoff.longest(topFrom(top))
    return { backoffs: backoffs.map((backoff) => ({ ...backoff, untilMs: nowMs + backoff.remainingMs })) }
  }

  /** Any address of the network will do. What it did before is forgotten. */
  @Delete(':address')
  lift(@Param('address') address: string): { readonly address: string; readonly isLifted: boolean } {
    return { address, isLifted: this.backoff.lift(address) }
  }
}
