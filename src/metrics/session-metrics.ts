import { Injectable } from '@nestjs/common'
import { VerificationGate } from '../auth/verification-gate.js'
import { ResumeService } from '../resume/resume.service.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { byField, MetricSet } from './metric-set.js'

@Injectable()
export class SessionMetrics {
  constructor(set: MetricSet, sessions: SessionsService, gate: VerificationGate, resumes: ResumeService) {
    set.gauge('nestwire_sessions', 'Devices that are logged in.', () => sessions.count)
    set.gauge('nestwire_token_checks_waiting', 'Tokens that wait to be checked.', () => gate.waiting)
    set.histogram(
      'nestwire_token_check_seconds',
      'From the wish to check a token to the verdict, the wait included.',
      gate.seconds,
    )
    set.counters(
      'nestwire_resumes_total',
      'Sessions taken up again: with all they had missed, or with a gap in some room.',
      {
        labelNames: ['outcome'],
        read: () => byField('outcome', { complete: resumes.complete, gap: resumes.withGap }),
      },
    )
  }
}
