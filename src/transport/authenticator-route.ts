/** AUTH for applications that give the transport an `Authenticator` instead of a handler for `auth.login`. */
import { randomBytes } from 'node:crypto'
import { Logger } from '@nestjs/common'
import { throwError, type Observable } from 'rxjs'
import { encodePacket } from '../protocol/encode-packet.js'
import { ErrorCode } from '../protocol/error-codes.js'
import { trustedSessionId } from '../protocol/ids.js'
import { WireRole, type Auth } from '../protocol/packets.js'
import type { Authenticator, Grant, Role } from './authentication.js'
import type { CompactHandler } from './dispatcher.js'
import type { NestwireContext } from './nestwire.context.js'
import { CodedFailure, NestwireException } from './nestwire.exception.js'

const wireRoles: Readonly<Record<Role, WireRole>> = {
  user: WireRole.User,
  service: WireRole.Service,
  admin: WireRole.Admin,
}
const SESSION_ID_BYTES = 16
/** Of what says nothing about the token, such as a database that is down: unlike a refusal, clients outlive it. */
const UNFORESEEN = new CodedFailure(ErrorCode.Internal, 'Internal server error')

/** The frame that tells a client who it is now. No message ids are recognised, and there are no tickets, yet. */
function authOkFrame({ principal, session }: Grant, correlation: number): Buffer {
  const expiresAtMs = Number.isFinite(principal.expiresAtMs) ? principal.expiresAtMs : 0
  return encodePacket({
    kind: 'authOk',
    correlation,
    user: principal.user,
    session,
    role: wireRoles[principal.role],
    expiresAtMs,
    dedupWindowMs: 0,
    ticket: Buffer.alloc(0),
  })
}

export function authenticatorRoute(authenticator: Authenticator): CompactHandler {
  const logger = new Logger('Nestwire')
  return {
    pattern: 'auth.login',
    toPayload: (packet: Auth) => packet.token,
    toReply: (grant, correlation) => authOkFrame(grant as Grant, correlation),
    handler: async (token: string, context?: NestwireContext): Promise<Grant | Observable<never>> => {
      try {
        return admit(await authenticator.authenticate(token), context)
      } catch (error) {
        if (error instanceof NestwireException) return throwError(() => error.failure)
        logger.error(error, context?.getLogFields())
        return throwError(() => UNFORESEEN)
      }
    },
  }
}

function admit(principal: Grant['principal'], context: NestwireContext | undefined): Grant {
  if (context === undefined) throw new Error('a login needs its connection')
  const connection = context.getConnection()
  const session = connection.grant?.session ?? trustedSessionId(randomBytes(SESSION_ID_BYTES).toString('base64url'))
  const grant = { principal, session }
  connection.admit(grant)
  return grant
}
