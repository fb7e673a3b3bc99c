import { Module } from '@nestjs/common'
import { LogModule } from '../log/log.module.js'
import { SessionGenerations } from './session-generations.js'
import { SessionsService } from './sessions.service.js'

@Module({ imports: [LogModule], providers: [SessionsService, SessionGenerations], exports: [SessionsService] })
export class SessionsModule {}
