/**
 * Who may use `/admin`: a bearer of a token of role `admin`, and, unless `NESTWIRE_ADMIN_ACCESS` says otherwise, a program on
 * this machine that shows no token at all.
 */
import type { IncomingMessage } from 'node:http'
import { HttpException, HttpStatus, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { TokenVerifier } from '../auth/token-verifier.js'
import { VerificationGate } from '../auth/verification-gate.js'
import { Settings } from '../config/settings.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { isLoopbackRequest } from './loopback-request.js'

/** Tokens of this guard that are being checked or wait for it: strangers must not fill the line of those who log in. */
const MAX_CHECKS_IN_FLIGHT = 16

@Injectable()
export class AdminGuard implements CanActivate {
  #checksInFlight = 0

  constructor(
    private readonly verifier: TokenVerifier,
    private readonly gate: VerificationGate,
    private readonly settings: Settings,
  ) {}

  /** Rejects with an `HttpException` whose body is `{ code, message }`: 401, 403, or 503 while too many tokens are checked. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers, socket } = context.switchToHttp().getRequest<IncomingMessage>()
    if (headers.authorization !== undefined) return this.checkToken(bearerToken(headers.authorization))
    if (this.settings.current.operation.adminAccess === 'loopback') {
      if (isLoopbackRequest({ headers, remoteAddress: socket.remoteAddress })) return true
      throw refusal(
        HttpStatus.UNAUTHORIZED,
        'TOKEN_REQUIRED',
        'needs a token of role admin, or a direct call on this machine',
      )
    }
    throw refusal(HttpStatus.UNAUTHORIZED, 'TOKEN_REQUIRED', 'needs a token of role admin')
  }

  private async checkToken(token: string): Promise<true> {
    const role = await this.roleOf(token)
    if (role === 'admin') return true
    throw refusal(HttpStatus.FORBIDDEN, 'FORBIDDEN', 'needs the role admin')
  }

  private async roleOf(token: string): Promise<string> {
    if (this.#checksInFlight >= MAX_CHECKS_IN_FLIGHT) {
      throw refusal(HttpStatus.SERVICE_UNAVAILABLE, 'RATE_LIMITED', 'too many tokens are checked at once')
    }
    this.#checksInFlight += 1
    try {
      return (await this.gate.run(() => this.verifier.authenticate(token))).role
    } catch (error) {
      if (!(error instanceof NestwireException)) throw error
      throw refusal(HttpStatus.UNAUTHORIZED, error.failure.code, error.failure.message)
    } finally {
      this.#checksInFlight -= 1
    }
  }
}

/** RFC 6750; of another scheme nothing is left, which is no token. */
const bearerToken = (authorization: string): string => /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? ''

const refusal = (status: HttpStatus, code: string, message: string): HttpException =>
  new HttpException({ code, message }, status)
