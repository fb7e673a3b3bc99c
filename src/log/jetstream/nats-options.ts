/** How a node gets into NATS: settings → options of the connection. What its files hold is looked at here, before NATS is asked. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { credsAuthenticator, type Authenticator, type ConnectionOptions } from '@nats-io/transport-node'
import type { SettingsValue } from '../../config/settings-schema.js'
import { StartUpError } from '../../config/start-up-error.js'
import { reasonOf } from '../log-fault.js'

const CONNECT_TIMEOUT_MS = 5_000
/** A server that is frozen or cut off is given up after three of these. */
const PING_INTERVAL_MS = 2_000
const MAX_PINGS_OUT = 2

export type ClusterSettings = SettingsValue['cluster']

/** Throws `StartUpError` that names the setting whose file cannot be read or does not hold what it must. */
export function natsOptions(settings: ClusterSettings, servers: readonly string[], name: string): ConnectionOptions {
  const { user, password, token, credsFile } = settings
  return {
    servers: [...servers],
    name,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    maxReconnectAttempts: -1,
    // A wrong password after a change there is an outage, not the end.
    ignoreAuthErrorAbort: true,
    ...(user === undefined || password === undefined ? {} : { user, pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(credsFile === undefined ? {} : { authenticator: authenticatorOf(credsFile) }),
    ...(usesTls(settings) ? { tls: tlsOptions(settings, servers) } : {}),
  }
}

export const usesTls = ({ url = [], tlsCaFile, tlsCertFile }: ClusterSettings): boolean =>
  tlsCaFile !== undefined || tlsCertFile !== undefined || url.some((server) => server.startsWith('tls:'))

/**
 * Reads the file again for each connection, since credentials expire and are renewed there. Later a file that cannot be
 * used leaves those before: an authenticator that throws would end the connection for ever.
 */
function authenticatorOf(credsFile: string): Authenticator {
  const setting = 'NESTWIRE_CLUSTER_CREDS_FILE'
  let last = parsed(setting, credsFile, parseCreds)
  return (nonce) => {
    try {
      last = parseCreds(readFileSync(credsFile))
    } catch {
      // The server says what it thinks of the last ones.
    }
    return last(nonce)
  }
}

function parseCreds(content: Buffer): Authenticator {
  const authenticator = credsAuthenticator(content)
  // It reads nothing before it is asked to sign.
  authenticator('any nonce')
  return authenticator
}

/** Files and not what is in them: certificates expire as well, and each connection reads them again. */
function tlsOptions({ tlsCaFile, tlsCertFile, tlsKeyFile }: ClusterSettings, servers: readonly string[]) {
  if (tlsCaFile !== undefined) parsed('NESTWIRE_CLUSTER_TLS_CA_FILE', tlsCaFile, parseCertificate)
  if (tlsCertFile !== undefined && tlsKeyFile !== undefined) {
    const certificate = parsed('NESTWIRE_CLUSTER_TLS_CERT_FILE', tlsCertFile, parseCertificate)
    const key = parsed('NESTWIRE_CLUSTER_TLS_KEY_FILE', tlsKeyFile, parseKey)
    if (!certificate.checkPrivateKey(key)) {
      throw new StartUpError('NESTWIRE_CLUSTER_TLS_KEY_FILE is not the key of NESTWIRE_CLUSTER_TLS_CERT_FILE')
    }
  }
  return {
    ...(tlsCaFile === undefined ? {} : { caFile: tlsCaFile }),
    ...(tlsCertFile === undefined ? {} : { certFile: tlsCertFile }),
    ...(tlsKeyFile === undefined ? {} : { keyFile: tlsKeyFile }),
    checkServerIdentity: identityCheck(servers),
  }
}

/**
 * The library names no server that is given by its address, and Node then wants a certificate of `localhost`. Which of
 * them it is cannot be known here, so that the certificate of any will do.
 */
function identityCheck(servers: readonly string[]) {
  const unnamed = servers.map(hostOf).filter((host) => host === 'localhost' || isIP(host) !== 0)
  return (name: string, certificate: PeerCertificate): Error | undefined => {
    const names = name === 'localhost' && unnamed.length > 0 ? unnamed : [name]
    const problems = names.map((host) => checkServerIdentity(host, certificate))
    return problems.includes(undefined) ? undefined : problems[0]
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '')

const parseCertificate = (content: Buffer): X509Certificate => new X509Certificate(content)
const parseKey = (content: Buffer): KeyObject => createPrivateKey(content)

function parsed<Result>(setting: string, file: string, parse: (content: Buffer) => Result): Result {
  try {
    return parse(readFileSync(file))
  } catch (cause) {
    throw new StartUpError(`${setting}: ${reasonOf(cause)}`, { cause })
  }
}
