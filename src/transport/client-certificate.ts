/** What a client has shown of itself at the handshake of TLS. */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { CloseCode } from '../protocol/close-codes.js'
import type { Refusal } from './connection-gate.js'

/**
 * A certificate that was shown must be good. `authorized` alone is not enough: it is true for a resumed session without
 * any certificate.
 */
export function certificateRefusal(socket: TLSSocket, isRequired: boolean): Refusal | undefined {
  const isShown = socket.getPeerX509Certificate() !== undefined
  if (isShown ? socket.authorized : !isRequired) return undefined
  const reason = isShown ? `is not accepted: ${String(socket.authorizationError)}` : 'is required'
  return { kind: 'refused', code: CloseCode.AuthRejected, message: `a client certificate ${reason}`, retryAfterMs: 0 }
}

/** The certificate that the client has shown and that was found good at the handshake, if there is one. */
export const clientCertificateOf = (socket: Socket): X509Certificate | undefined =>
  socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined
