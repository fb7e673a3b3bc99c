/** Login and refresh: token, or client certificate → principal → session on the connection, and what the client is told of it. */
import { Injectable } from '@nestjs/common'
import { LoginBackoff } from '../abuse/login-backoff.js'
import { UserLimits } from '../abuse/user-limits.js'
import { ClusterRouter } from '../cluster/cluster-router.js'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { SessionId, UserId } from '../protocol/ids.js'
import type { Session } from '../sessions/session.js'
import { SessionsService } from '../sessions/sessions.service.js'
import type { Grant, Principal, Role } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { CertificateLogin } from './certificate-login.js'
import { LoginRate } from './login-rate.js'
import { TicketOffice } from './ticket-office.js'
import { TokenVerifier } from './token-verifier.js'
import { VerificationGate } from './verification-gate.js'

/** What `auth.whoami` answers. */
export interface Identity {
  readonly user: UserId
  readonly username: string
  readonly session: SessionId
  readonly role: Role
  /** Unix milliseconds; 0 = never. */
  readonly expiresAtMs: number
}

/** What `auth.login` answers: AUTH_OK in long form. */
export interface LoginReply extends Identity {
  /** How long a repeated message id is recognised; 0 = not at all. */
  readonly dedupWindowMs: number
  /** For a RESUME; empty if the client does not take part in it. */
  readonly ticket: Buffer
}

@Injectable()
export class AuthService {
  /** Connections whose token is being checked or waits for it: one each, which bounds the gate's queue. */
  readonly #checking = new Set<ConnectionHandle>()

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly certificates: CertificateLogin,
    private readonly gate: VerificationGate,
    private readonly sessions: SessionsService,
    private readonly tickets: TicketOffice,
    private readonly rate: LoginRate,
    private readonly backoff: LoginBackoff,
    private readonly limits: UserLimits,
    private readonly router: ClusterRouter,
    private readonly settings: Settings,
  ) {}

  /**
   * Rejects with TOKEN_INVALID, TOKEN_EXPIRED, USER_MISMATCH (a refresh by somebody else), FORBIDDEN (one login at a
   * time), RATE_LIMITED (a refresh from an address that is backed off); and closes the connection while too many come in, or
   * too many of its address or user, or if after `redirects` its user belongs to another node.
   */
  async login(connection: ConnectionHandle, token: string, redirects: number): Promise<LoginReply> {
    if (this.#checking.has(connection)) throw forbidden('a login of this connection is under way')
    this.backoff.check(connection)
    if (this.sessions.ofConnection(connection) === undefined) this.rate.check(connection)
    this.#checking.add(connection)
    try {
      const principal = await this.principalOf(connection, token)
      return this.grantOf(this.admit(connection, principal, redirects))
    } finally {
      this.#checking.delete(connection)
    }
  }

  /** Throws FORBIDDEN without a login. */
  whoami(connection: ConnectionHandle): Identity {
    if (connection.grant === undefined) throw forbidden('nobody is logged in on this connection')
    return identityOf(connection.grant)
  }

  /** What a client is told of its session, with a new ticket for it. */
  grantOf(session: Session): LoginReply {
    const identity = identityOf({ principal: session.principal, session: session.id })
    return { ...identity, dedupWindowMs: this.settings.current.log.dedupWindowMs, ticket: this.tickets.issue(session) }
  }

  private async principalOf(connection: ConnectionHandle, token: string): Promise<Principal> {
    if (token === '') return this.certificates.principalOf(connection)
    return this.gate.run(() => this.verify(connection, token))
  }

  private async verify(connection: ConnectionHandle, token: string): Promise<Principal> {
    try {
      return await this.verifier.authenticate(token)
    } catch (error) {
      // One that has expired was good once: not a guess.
      if (error instanceof NestwireException && error.failure.errorCode === ErrorCode.TokenInvalid) {
        this.backoff.failed(connection)
      }
      throw error
    }
  }

  private admit(connection: ConnectionHandle, principal: Principal, redirects: number): Session {
    const known = this.sessions.ofConnection(connection)
    if (known === undefined) {
      this.router.refuseElsewhere(connection, principal, redirects)
      this.rate.check(connection)
      this.limits.admit(connection, principal, this.sessions.of(principal.user).length)
      this.rate.admit(connection)
      return this.sessions.open(connection, principal)
    }
    if (known.principal.user !== principal.user) {
      throw new NestwireException(ErrorCode.UserMismatch, 'a refresh must be for the same user')
    }
    this.sessions.refresh(known, principal)
    return known
  }
}

function identityOf({ principal: { user, username, role, expiresAtMs }, session }: Grant): Identity {
  return { user, username, session, role, expiresAtMs: Number.isFinite(expiresAtMs) ? expiresAtMs : 0 }
}

const forbidden = (reason: string): NestwireException => new NestwireException(ErrorCode.Forbidden, reason)
