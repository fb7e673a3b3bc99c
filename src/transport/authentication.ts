import type { SessionId, UserId } from '../protocol/ids.js'

export type Role = 'user' | 'service' | 'admin'

/** Who a connection speaks for, from AUTH_OK until its end or a refresh. */
export interface Principal {
  /** By `parseUserId`. */
  readonly user: UserId
  /** What people see; the user id where the token names none. */
  readonly username: string
  readonly role: Role
  /** Unix milliseconds, a whole number, after which the connection is closed with TOKEN_EXPIRED; `Infinity` = never. */
  readonly expiresAtMs: number
  /** Without a token, by the client certificate: only a connection that shows it again may be this session's. */
  readonly isByCertificate?: true
}

/**
 * Turns a token into a principal, at a login and at each refresh. Rejects with a `NestwireException` (TOKEN_INVALID,
 * TOKEN_EXPIRED) if the token is not good; any other error is logged, and the client is told INTERNAL.
 */
export interface Authenticator {
  authenticate(token: string): Promise<Principal>
}

/** What AUTH_OK says. */
export interface Grant {
  readonly principal: Principal
  readonly session: SessionId
}
