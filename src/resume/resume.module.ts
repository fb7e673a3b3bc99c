import { Module } from '@nestjs/common'
import { AuthModule } from '../auth/auth.module.js'
import { RoomsModule } from '../rooms/rooms.module.js'
import { SessionsModule } from '../sessions/sessions.module.js'
import { ResumeController } from './resume.controller.js'
import { ResumeService } from './resume.service.js'

@Module({
  imports: [AuthModule, SessionsModule, RoomsModule],
  controllers: [ResumeController],
  providers: [ResumeService],
  exports: [ResumeService],
})
export class ResumeModule {}
