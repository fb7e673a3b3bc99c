import { grantFields, isLoginReply } from '../auth/auth-compact-route.js'
import { encodePacket } from '../protocol/encode-packet.js'
import type { CompactRoute } from '../transport/compact-route.js'
import { ResumeCall } from './resume-call.js'
import type { ResumeReply } from './resume.service.js'

/** RESUME is `auth.resume`; RESUMED its reply. */
export const resumeCompactRoute: CompactRoute<'resume'> = {
  packet: 'resume',
  pattern: 'auth.resume',
  toPayload: ({ redirects, ticket, positions }) => new ResumeCall(redirects, ticket, positions),
  toReply: (result, correlation) => {
    if (!isResumeReply(result)) throw new TypeError('the handler of auth.resume did not answer with a session')
    return encodePacket({ kind: 'resumed', correlation, ...grantFields(result), rooms: result.rooms })
  },
}

const isResumeReply = (result: unknown): result is ResumeReply =>
  isLoginReply(result) && Array.isArray((result as Partial<Record<keyof ResumeReply, unknown>>).rooms)
