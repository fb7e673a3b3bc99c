/** Who calls, as parameters of handlers. FORBIDDEN on a connection without a login. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Grant } from './authentication.js'
import { NestwireContext } from './nestwire.context.js'
import { NestwireException } from './nestwire.exception.js'

function grantOf(context: ExecutionContext): Grant {
  const call: unknown = context.switchToRpc().getContext()
  const grant = call instanceof NestwireContext ? call.getConnection().grant : undefined
  if (grant === undefined) throw new NestwireException(ErrorCode.Forbidden, 'needs a login')
  return grant
}

/** `@CurrentUser() caller: Principal`: user, username, role, and when its token expires. */
export const CurrentUser = createParamDecorator((_: unknown, context: ExecutionContext) => grantOf(context).principal)

/** `@CurrentSession() session: SessionId`: of one device of the user; it outlives connections. */
export const CurrentSession = createParamDecorator((_: unknown, context: ExecutionContext) => grantOf(context).session)
