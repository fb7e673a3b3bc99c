import { Module } from '@nestjs/common'
import { LogModule } from '../log/log.module.js'
import { SessionGenerations } from './session-generations.js'
import { SessionWatch } from './session-watch.js'
import { SessionsService } from './sessions.service.js'

@Module({
  imports: [LogModule],
  providers: [SessionsService, SessionGenerations, SessionWatch],
  exports: [SessionsService],
})
export class SessionsModule {}
