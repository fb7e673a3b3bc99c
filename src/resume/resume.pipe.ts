import { Injectable, type PipeTransform } from '@nestjs/common'
import { ErrorCode } from '../protocol/error-codes.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { ResumeCall } from './resume-call.js'

/** A request comes from connections that are logged in, and those have nothing to resume. */
@Injectable()
export class ResumePipe implements PipeTransform<unknown, ResumeCall> {
  transform(value: unknown): ResumeCall {
    if (value instanceof ResumeCall) return value
    throw new NestwireException(ErrorCode.Forbidden, 'a session is resumed by RESUME, before anybody is logged in')
  }
}
