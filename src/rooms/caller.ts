import type { Principal } from '../transport/authentication.js'
import type { NestwireContext } from '../transport/nestwire.context.js'
import { forbidden } from './room-refusals.js'

/** Who calls; FORBIDDEN on a connection without authentication. */
export function callerOf(context: NestwireContext): Principal {
  const principal = context.getPrincipal()
  if (principal === undefined) throw forbidden('needs a login')
  return principal
}
