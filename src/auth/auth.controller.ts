import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices'
import { z } from 'zod'
import { trustedSessionId } from '../protocol/ids.js'
import { SessionsService } from '../sessions/sessions.service.js'
import { NESTWIRE_TRANSPORT } from '../transport/nestwire-transport.js'
import { NestwireContext } from '../transport/nestwire.context.js'
import { PayloadPipe } from '../transport/payload.pipe.js'
import { AuthService, type Identity, type LoginReply } from './auth.service.js'
import { RequireRole } from './role.guard.js'

/** A token is a str16 on the wire. */
const MAX_TOKEN_CHARACTERS = 65_535

/** As many as AUTH can tell, and more than any node sends a client on. */
const MAX_REDIRECTS = 255

const loginSchema = z.strictObject({
  token: z.string().max(MAX_TOKEN_CHARACTERS),
  redirects: z.int().min(0).max(MAX_REDIRECTS).default(MAX_REDIRECTS),
})
const whoamiSchema = z.strictObject({}).optional()
/** 128 bits in base64url, as `SessionsService` makes them. */
const revokeSchema = z.strictObject({ session: z.string().regex(/^[\w-]{22}$/, { error: 'is not a session' }) })

interface RevokeReply {
  readonly session: string
  /** False if it was revoked already. */
  readonly changed: boolean
}

@Controller()
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * `auth.login` `{ token, redirects? }` → `LoginReply`; the AUTH packet in long form. An empty token: the client certificate counts. On a connection that is logged in already it
   * refreshes the session, which keeps its id. Errors: TOKEN_INVALID, TOKEN_EXPIRED, USER_MISMATCH, FORBIDDEN.
   */
  @MessagePattern('auth.login', NESTWIRE_TRANSPORT)
  login(
    @Payload(new PayloadPipe(loginSchema)) { token, redirects }: z.output<typeof loginSchema>,
    @Ctx() context: NestwireContext,
  ): Promise<LoginReply> {
    return this.auth.login(context.getConnection(), token, redirects)
  }

  /** `auth.whoami` `{}` or nothing → `Identity` of the caller. Errors: FORBIDDEN without a login. */
  @MessagePattern('auth.whoami', NESTWIRE_TRANSPORT)
  whoami(@Payload(new PayloadPipe(whoamiSchema)) _nothing: unknown, @Ctx() context: NestwireContext): Identity {
    return this.auth.whoami(context.getConnection())
  }

  /**
   * `auth.revoke` `{ session }` → `RevokeReply`: closes the session's connection, and no ticket of it counts any more.
   * Errors: FORBIDDEN to users.
   */
  @MessagePattern('auth.revoke', NESTWIRE_TRANSPORT)
  @RequireRole('service', 'admin')
  async revoke(
    @Payload(new PayloadPipe(revokeSchema)) { session }: z.output<typeof revokeSchema>,
  ): Promise<RevokeReply> {
    return { session, changed: await this.sessions.revoke(trustedSessionId(session)) }
  }
}
