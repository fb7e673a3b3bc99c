import { Controller, Get } from '@nestjs/common'
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus'
import { RoomLogHealth } from './room-log.health.js'
import { TransportHealth } from './transport.health.js'

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly transport: TransportHealth,
    private readonly roomLog: RoomLogHealth,
  ) {}

  /** The process answers. Not a terminus check, since those fail during a drain, which nobody should cut short. */
  @Get('live')
  live(): { readonly status: 'ok' } {
    return { status: 'ok' }
  }

  /** 200 while new connections are welcome and messages can be stored; else 503 with the reasons. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.transport.check(), () => this.roomLog.check()])
  }
}
