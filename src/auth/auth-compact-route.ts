import { encodePacket } from '../protocol/encode-packet.js'
import { WireRole, type AuthOk } from '../protocol/packets.js'
import type { Role } from '../transport/authentication.js'
import type { CompactRoute } from '../transport/compact-route.js'
import type { LoginReply } from './auth.service.js'

const wireRoles = { user: WireRole.User, service: WireRole.Service, admin: WireRole.Admin } as const satisfies Record<
  Role,
  WireRole
>

/** AUTH is `auth.login`; AUTH_OK its reply. */
export const authCompactRoute: CompactRoute<'auth'> = {
  packet: 'auth',
  pattern: 'auth.login',
  toPayload: ({ token, redirects }) => ({ token, redirects }),
  toReply: (result, correlation) => {
    if (!isLoginReply(result)) throw new TypeError('the handler of auth.login did not answer with a session')
    return encodePacket({ kind: 'authOk', correlation, ...grantFields(result) })
  },
}

/** The fields that AUTH_OK and RESUMED have in common. */
export function grantFields(reply: LoginReply): Omit<AuthOk, 'kind' | 'correlation'> {
  const { user, session, role, expiresAtMs, dedupWindowMs, ticket } = reply
  return { user, session, role: wireRoles[role], expiresAtMs, dedupWindowMs, ticket }
}

export function isLoginReply(result: unknown): result is LoginReply {
  if (typeof result !== 'object' || result === null) return false
  const { user, session, role, expiresAtMs, dedupWindowMs, ticket } = result as Partial<
    Record<keyof LoginReply, unknown>
  >
  return (
    typeof user === 'string' &&
    typeof session === 'string' &&
    typeof role === 'string' &&
    role in wireRoles &&
    typeof expiresAtMs === 'number' &&
    typeof dedupWindowMs === 'number' &&
    Buffer.isBuffer(ticket)
  )
}
