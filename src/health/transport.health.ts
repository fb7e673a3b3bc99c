import { Injectable } from '@nestjs/common'
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus'
import { NestwireServer } from '../transport/nestwire-server.js'

/** Up while the listener takes connections: not before it listens, and not from the first moment of a shutdown on. */
@Injectable()
export class TransportHealth {
  constructor(
    private readonly server: NestwireServer,
    private readonly indicators: HealthIndicatorService,
  ) {}

  check(): HealthIndicatorResult {
    const indicator = this.indicators.check('transport')
    return this.server.isAccepting ? indicator.up() : indicator.down('no new connections are accepted')
  }
}
