/** Tokens → principals. Failures say which claim or check, never the token. */
import { errors, type JWTClaimVerificationOptions } from 'jose'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Authenticator, Principal } from '../transport/authentication.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { invalid, principalOf } from './claims.js'
import type { VerificationKey } from './verification-key.js'

export interface TokenRules {
  /** If set, `iss` must be this. */
  readonly issuer: string | undefined
  /** If set, `aud` must be or contain this. */
  readonly audience: string | undefined
  readonly clockToleranceMs: number
}

export class TokenVerifier implements Authenticator {
  /** `rules` is asked at each token, so that they can change. */
  constructor(
    private key: VerificationKey,
    private readonly rules: () => TokenRules,
    private readonly now: () => number = Date.now,
  ) {}

  /** For all tokens from now on; who is logged in stays until its own token ends. */
  use(key: VerificationKey): void {
    this.key = key
  }

  /** Rejects with TOKEN_EXPIRED or TOKEN_INVALID. */
  async authenticate(token: string): Promise<Principal> {
    const { clockToleranceMs, ...rules } = this.rules()
    const nowMs = this.now()
    try {
      const payload = await this.key.verify(token, this.claims(rules, clockToleranceMs, nowMs))
      return principalOf(payload, { nowMs, clockToleranceMs })
    } catch (error) {
      throw error instanceof errors.JOSEError ? exceptionOf(error) : error
    }
  }

  private claims(
    { issuer, audience }: Omit<TokenRules, 'clockToleranceMs'>,
    clockToleranceMs: number,
    nowMs: number,
  ): JWTClaimVerificationOptions {
    return {
      requiredClaims: ['sub', 'exp'],
      clockTolerance: clockToleranceMs / 1000,
      currentDate: new Date(nowMs),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }
  }
}

function exceptionOf(error: errors.JOSEError): NestwireException {
  if (error instanceof errors.JWTExpired) {
    return new NestwireException(ErrorCode.TokenExpired, 'the token has expired', { cause: error })
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(`claim "${error.claim}" ${error.reason === 'missing' ? 'is missing' : 'is not acceptable'}`, error)
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return invalid('the algorithm is not accepted', error)
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('the signature does not match', error)
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return invalid('no key, or more than one, fits the token', error)
  }
  return invalid('not a token', error)
}
