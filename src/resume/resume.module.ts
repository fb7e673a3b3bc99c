import { Module } from '@nestjs/common'
import { AbuseModule } from '../abuse/abuse.module.js'
import { AuthModule } from '../auth/auth.module.js'
import { ClusterModule } from '../cluster/cluster.module.js'
import { RoomsModule } from '../rooms/rooms.module.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { ResumeController } from './resume.controller.js'
import { ResumeService } from './resume.service.js'

@Module({
  imports: [AbuseModule, AuthModule, ClusterModule, SessionsModule, RoomsModule],
  controllers: [ResumeController],
  providers: [ResumeService],
  exports: [ResumeService],
})
export class ResumeModule {}
