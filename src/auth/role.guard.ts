import {
  applyDecorators,
  Injectable,
  SetMetadata,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Role } from '../transport/authentication.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { NestwireException } from '../transport/nestwire.exception.js'

const REQUIRED_ROLES = Symbol('nestwire:requiredRoles')

/** Lets callers through whose token has one of the roles that `@RequireRole` names; the others get FORBIDDEN. */
@Injectable()
export class RoleGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const roles = this.reflector.getAllAndOverride<readonly Role[] | undefined>(REQUIRED_ROLES, [
      context.getHandler(),
      context.getClass(),
    ])
    const call: unknown = context.switchToRpc().getContext()
    const role = call instanceof NestwireContext ? call.getPrincipal()?.role : undefined
    if (roles === undefined || (role !== undefined && roles.includes(role))) return true
    throw new NestwireException(ErrorCode.Forbidden, `needs the role ${roles.join(' or ')}`)
  }
}

/** For a Nestwire handler or a whole controller; a handler's own roles replace those of its controller. */
export const RequireRole = (...roles: readonly Role[]): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(REQUIRED_ROLES, roles), UseGuards(RoleGuard))
