/** Login and refresh: token → principal → session on the connection. */
import { Injectable } from '@nestjs/common'
import { ErrorCode } from '../protocol/error-codes.js'
import type { SessionId, UserId } from '../protocol/ids.js'
import { SessionsService } from '../sessions/sessions.service.js'
import type { Grant, Principal, Role } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { TokenVerifier } from './token-verifier.js'
import { VerificationGate } from './verification-gate.js'

/** What `auth.login` and `auth.whoami` answer. */
export interface Identity {
  readonly user: UserId
  readonly username: string
  readonly session: SessionId
  readonly role: Role
  /** Unix milliseconds; 0 = never. */
  readonly expiresAtMs: number
}

@Injectable()
export class AuthService {
  /** Connections whose token is being checked or waits for it: one each, which bounds the gate's queue. */
  readonly #checking = new Set<ConnectionHandle>()

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly gate: VerificationGate,
    private readonly sessions: SessionsService,
  ) {}

  /** Rejects with TOKEN_INVALID, TOKEN_EXPIRED, USER_MISMATCH (a refresh by somebody else), FORBIDDEN (one login at a time). */
  async login(connection: ConnectionHandle, token: string): Promise<Identity> {
    if (this.#checking.has(connection)) throw forbidden('a login of this connection is under way')
    this.#checking.add(connection)
    try {
      const principal = await this.gate.run(() => this.verifier.authenticate(token))
      return this.admit(connection, principal)
    } finally {
      this.#checking.delete(connection)
    }
  }

  /** Throws FORBIDDEN without a login. */
  whoami(connection: ConnectionHandle): Identity {
    if (connection.grant === undefined) throw forbidden('nobody is logged in on this connection')
    return identityOf(connection.grant)
  }

  private admit(connection: ConnectionHandle, principal: Principal): Identity {
    const known = this.sessions.ofConnection(connection)
    if (known === undefined) return identityOf({ principal, session: this.sessions.open(connection, principal).id })
    if (known.principal.user !== principal.user) {
      throw new NestwireException(ErrorCode.UserMismatch, 'a refresh must be for the same user')
    }
    this.sessions.refresh(known, principal)
    return identityOf({ principal, session: known.id })
  }
}

function identityOf({ principal: { user, username, role, expiresAtMs }, session }: Grant): Identity {
  return { user, username, session, role, expiresAtMs: Number.isFinite(expiresAtMs) ? expiresAtMs : 0 }
}

const forbidden = (reason: string): NestwireException => new NestwireException(ErrorCode.Forbidden, reason)
