/** HTTPS with the certificate of the binary port: from the start on or never, with other files at each reload. */
import type { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { ServerCertificate } from './server-certificate.js'

/** Nothing to do without HTTPS. Clients are asked for no certificate here. */
export function keepCertificateFresh(server: HttpServer, certificate: ServerCertificate): void {
  if (!(server instanceof HttpsServer)) return
  certificate.keep((options) => {
    // Only a restart switches HTTPS off, and until then the settings must name a certificate.
    if (options === undefined) return
    const { cert, key, minVersion } = options
    server.setSecureContext({ cert, key, minVersion })
  })
}
