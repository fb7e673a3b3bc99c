import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { z } from 'zod'
import { NESTWIRE_TRANSPORT } from '../transport/nestwire-transport.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { PayloadPipe } from '../transport/payload.pipe.js'
import { AuthService, type Identity } from './auth.service.js'

/** A token is a str16 on the wire. */
const MAX_TOKEN_CHARACTERS = 65_535

const loginSchema = z.strictObject({ token: z.string().min(1).max(MAX_TOKEN_CHARACTERS) })
const whoamiSchema = z.strictObject({}).optional()

@Controller()
export class AuthController {
  constructor(private readonly auth: AuthService) {}

  /**
   * `auth.login` `{ token }` → `Identity`; the AUTH packet in long form. On a connection that is logged in already it
   * refreshes the session, which keeps its id. Errors: TOKEN_INVALID, TOKEN_EXPIRED, USER_MISMATCH, FORBIDDEN.
   */
  @MessagePattern('auth.login', NESTWIRE_TRANSPORT)
  login(
    @Payload(new PayloadPipe(loginSchema)) { token }: z.output<typeof loginSchema>,
    @Ctx() context: NestwireContext,
  ): Promise<Identity> {
    return this.auth.login(context.getConnection(), token)
  }

  /** `auth.whoami` `{}` or nothing → `Identity` of the caller. Errors: FORBIDDEN without a login. */
  @MessagePattern('auth.whoami', NESTWIRE_TRANSPORT)
  whoami(@Payload(new PayloadPipe(whoamiSchema)) _nothing: unknown, @Ctx() context: NestwireContext): Identity {
    return this.auth.whoami(context.getConnection())
  }
}
