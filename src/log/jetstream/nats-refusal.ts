/** Why NATS does not let a node in, with the settings to mend. Names settings, never their values. */
import { errors } from '@nats-io/transport-node'
import { reasonOf } from '../log-fault.js'
import { usesTls, type ClusterSettings } from './nats-options.js'

export const isRefusal = (error: unknown): boolean =>
  error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError

/** One line, without the address. */
export function refusalOf(error: unknown, settings: ClusterSettings): string {
  const advice = adviceFor(error, settings)
  return advice === undefined ? reasonOf(error) : `${reasonOf(error)} (${advice})`
}

function adviceFor(error: unknown, settings: ClusterSettings): string | undefined {
  if (isRefusal(error)) return credentialsOf(settings)
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'NESTWIRE_CLUSTER_URL must have a name that is in the certificate'
  if (CERTIFICATE_CODE.test(code)) return 'NESTWIRE_CLUSTER_TLS_CA_FILE must hold the authority of the NATS servers'
  if (!usesTls(settings)) return undefined
  // Servers that want TLS, and have it.
  if (error instanceof errors.ConnectionError && error.message.includes("'tls'")) {
    return 'tls:// in NESTWIRE_CLUSTER_URL or a NESTWIRE_CLUSTER_TLS_… file asks for it'
  }
  // The refusal of a certificate comes after the handshake, and is lost.
  if (error instanceof errors.TimeoutError) {
    return settings.tlsCertFile === undefined
      ? 'servers that want a certificate need NESTWIRE_CLUSTER_TLS_CERT_FILE and NESTWIRE_CLUSTER_TLS_KEY_FILE'
      : 'servers that do not accept NESTWIRE_CLUSTER_TLS_CERT_FILE say nothing'
  }
  return undefined
}

/** What OpenSSL calls a certificate that it does not trust. */
const CERTIFICATE_CODE = /CERT|^UNABLE_TO_|^INVALID_CA$/

function credentialsOf({ user, token, credsFile }: ClusterSettings): string {
  if (user !== undefined) return 'NESTWIRE_CLUSTER_USER and NESTWIRE_CLUSTER_PASSWORD'
  if (token !== undefined) return 'NESTWIRE_CLUSTER_TOKEN'
  if (credsFile !== undefined) return 'NESTWIRE_CLUSTER_CREDS_FILE'
  return 'NESTWIRE_CLUSTER_USER and NESTWIRE_CLUSTER_PASSWORD, NESTWIRE_CLUSTER_TOKEN or NESTWIRE_CLUSTER_CREDS_FILE is missing'
}
