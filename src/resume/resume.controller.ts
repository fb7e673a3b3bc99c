import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { NESTWIRE_TRANSPORT } from '../transport/nestwire-transport.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { ResumeCall } from './resume-call.js'
import { ResumePipe } from './resume.pipe.js'
import { ResumeService, type ResumeReply } from './resume.service.js'

@Controller()
export class ResumeController {
  constructor(private readonly resumes: ResumeService) {}

  /** `auth.resume` `ResumeCall` → `ResumeReply`; only as a RESUME packet. Errors: TICKET_INVALID. */
  @MessagePattern('auth.resume', NESTWIRE_TRANSPORT)
  resume(@Payload(new ResumePipe()) call: ResumeCall, @Ctx() context: NestwireContext): Promise<ResumeReply> {
    return this.resumes.resume(context.getConnection(), call)
  }
}
