import { encodePacket } from '../protocol/encode-packet.js'
import { WireRole } from '../protocol/packets.js'
import type { Role } from '../transport/authentication.js'
import type { CompactRoute } from '../transport/compact-route.js'
import type { Identity } from './auth.service.js'

const wireRoles = { user: WireRole.User, service: WireRole.Service, admin: WireRole.Admin } as const satisfies Record<
  Role,
  WireRole
>

/** AUTH is `auth.login`; AUTH_OK its reply. No message ids are recognised yet, and there are no tickets. */
export const authCompactRoute: CompactRoute<'auth'> = {
  packet: 'auth',
  pattern: 'auth.login',
  toPayload: ({ token }) => ({ token }),
  toReply: (result, correlation) => {
    if (!isIdentity(result)) throw new TypeError('the handler of auth.login did not answer with an identity')
    const { user, session, role, expiresAtMs } = result
    const ticket = Buffer.alloc(0)
    return encodePacket({
      kind: 'authOk',
      correlation,
      user,
      session,
      role: wireRoles[role],
      expiresAtMs,
      dedupWindowMs: 0,
      ticket,
    })
  },
}

function isIdentity(result: unknown): result is Identity {
  if (typeof result !== 'object' || result === null) return false
  const { user, session, role, expiresAtMs } = result as Partial<Record<keyof Identity, unknown>>
  return (
    typeof user === 'string' &&
    typeof session === 'string' &&
    typeof role === 'string' &&
    role in wireRoles &&
    typeof expiresAtMs === 'number'
  )
}
