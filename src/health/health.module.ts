import { Module } from '@nestjs/common'
import { TerminusModule } from '@nestjs/terminus'
import { LogModule } from '../log/log.module.js'
import { HealthController } from './health.controller.js'
import { RoomLogHealth } from './room-log.health.js'
import { TransportHealth } from './transport.health.js'

/** Needs a `NestwireServer` among the global providers. */
@Module({
  imports: [TerminusModule, LogModule],
  controllers: [HealthController],
  providers: [TransportHealth, RoomLogHealth],
})
export class HealthModule {}
