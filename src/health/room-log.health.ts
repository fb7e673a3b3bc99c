import { Inject, Injectable } from '@nestjs/common'
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus'
import type { RoomLog } from '../log/room-log.js'
import { ROOM_LOG } from '../log/room-log.token.js'

/** Up while messages can be stored. */
@Injectable()
export class RoomLogHealth {
  constructor(
    @Inject(ROOM_LOG) private readonly log: RoomLog,
    private readonly indicators: HealthIndicatorService,
  ) {}

  check(): HealthIndicatorResult {
    const indicator = this.indicators.check('roomLog')
    const fault = this.log.fault()
    return fault === undefined ? indicator.up() : indicator.down(fault)
  }
}
