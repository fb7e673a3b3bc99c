/** Login without a token: the client certificate that was found good at the handshake says who it is. */
import { Inject, Injectable } from '@nestjs/common'
import type { Clock } from '../clock.js'
import { CLOCK } from '../clock.module.js'
import { Settings } from '../config/settings.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Principal } from '../transport/authentication.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'
import { NestwireException } from '../transport/nestwire.exception.js'
import { nameInCertificate } from './certificate-name.js'
import { invalid } from './claims.js'

@Injectable()
export class CertificateLogin {
  constructor(
    private readonly settings: Settings,
    @Inject(CLOCK) private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /** Throws TOKEN_INVALID or TOKEN_EXPIRED. */
  principalOf({ clientCertificate }: Pick<ConnectionHandle, 'clientCertificate'>): Principal {
    const { certRole: role } = this.settings.current.tls
    if (clientCertificate === undefined || role === 'none') throw invalid('there is no token')
    const user = nameInCertificate(clientCertificate)
    if (user === undefined) throw invalid('the client certificate names no user')
    const expiresAtMs = Date.parse(clientCertificate.validTo)
    // A session of TLS that is resumed does not look at the time again.
    if (!(expiresAtMs > this.clock.now())) {
      throw new NestwireException(ErrorCode.TokenExpired, 'the client certificate has expired')
    }
    return { user, username: user, role, expiresAtMs, isByCertificate: true }
  }
}
