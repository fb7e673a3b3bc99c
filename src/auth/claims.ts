/** What a token says about its bearer, as claims on the way in and out. Pure. */
import { ErrorCode } from '../protocol/error-codes.js'
import { parseUserId } from '../protocol/ids.js'
import type { Principal, Role } from '../transport/authentication.js'
import { NestwireException } from '../transport/nestwire.exception.js'

export const ROLES = ['user', 'service', 'admin'] as const satisfies readonly Role[]

interface ClaimsClock {
  readonly nowMs: number
  /** How far the clocks of issuer and server may differ. */
  readonly clockToleranceMs: number
}

/** Claims of a verified token → principal. Throws TOKEN_INVALID; looks at what JWT libraries leave to applications. */
export function principalOf(claims: Readonly<Record<string, unknown>>, clock: ClaimsClock): Principal {
  const { sub, name = sub, role = 'user', exp, iat } = claims
  const user = typeof sub === 'string' ? parseUserId(sub) : undefined
  if (user === undefined) throw invalid('claim "sub" is not a user name')
  const username = typeof name === 'string' ? parseUserId(name) : undefined
  if (username === undefined) throw invalid('claim "name" is not a name')
  const known = ROLES.find((candidate) => candidate === role)
  if (known === undefined) throw invalid('claim "role" is not user, service or admin')
  if (typeof exp !== 'number') throw invalid('claim "exp" is missing')
  if (typeof iat === 'number' && iat * 1000 > clock.nowMs + clock.clockToleranceMs) {
    throw invalid('claim "iat" is in the future')
  }
  // The tolerance counts at the end too: a token that was just accepted must not end its connection at once.
  const expiresAtMs = Math.min(Math.floor(exp * 1000) + clock.clockToleranceMs, Number.MAX_SAFE_INTEGER)
  return { user, username, role: known, expiresAtMs }
}

export const invalid = (reason: string, cause?: unknown): NestwireException =>
  new NestwireException(ErrorCode.TokenInvalid, reason, { cause })
