import { SignJWT } from 'jose'
import type { Role } from '../transport/authentication.js'

export interface TokenRequest {
  readonly user: string
  /** What people see; the user name if absent. */
  readonly username?: string
  readonly role: Role
  readonly ttlSeconds: number
}

/** An HS256 token, for the command line and tests; in production your identity service issues them. */
export function issueToken(
  { user, username, role, ttlSeconds }: TokenRequest,
  secret: string,
  nowMs = Date.now(),
): Promise<string> {
  const nowSeconds = Math.floor(nowMs / 1000)
  return new SignJWT({ role, ...(username === undefined ? {} : { name: username }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + ttlSeconds)
    .sign(new TextEncoder().encode(secret))
}
