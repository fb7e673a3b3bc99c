/** Who is let in by which certificate. The table of all settings is in `settings-schema.ts`. */
import { flag, oneOf, text } from './setting-types.js'
import type { Setting } from './setting.js'

export const tlsSettings = {
  certFile: {
    env: 'NESTWIRE_TLS_CERT_FILE',
    type: text(),
    default: undefined,
    effect:
      'PEM file with the certificate of this server, and those that lead from it to its authority; switches TLS on at NESTWIRE_PORT.',
    live: true,
  },
  keyFile: {
    env: 'NESTWIRE_TLS_KEY_FILE',
    type: text(),
    default: undefined,
    effect: 'PEM file with the key of that certificate, without a passphrase.',
    live: true,
  },
  minVersion: {
    env: 'NESTWIRE_TLS_MIN_VERSION',
    type: oneOf('TLSv1.2', 'TLSv1.3'),
    default: 'TLSv1.2',
    effect: 'Oldest version of TLS that is spoken.',
    live: true,
  },
  clientCert: {
    env: 'NESTWIRE_TLS_CLIENT_CERT',
    type: oneOf('none', 'optional', 'required'),
    default: 'none',
    effect: 'Whether clients of NESTWIRE_PORT are asked for a certificate; one that is shown must be good.',
    live: true,
  },
  clientCaFile: {
    env: 'NESTWIRE_TLS_CLIENT_CA_FILE',
    type: text(),
    default: undefined,
    effect: 'PEM file with the authorities whose client certificates are good.',
    live: true,
  },
  certRole: {
    env: 'NESTWIRE_TLS_CERT_ROLE',
    type: oneOf('none', 'user', 'service'),
    default: 'service',
    effect:
      'Role of whoever logs in with a client certificate instead of a token, as whom the certificate names; none: everybody needs a token.',
    live: true,
  },
  http: {
    env: 'NESTWIRE_HTTP_TLS',
    type: flag(),
    default: false,
    effect: 'Whether the HTTP side is HTTPS, with the same certificate; clients are asked for none there.',
    live: false,
  },
} as const satisfies Record<string, Setting>
