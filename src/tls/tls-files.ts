/** The files that TLS is made from: read anew at each call, and looked at before anybody depends on them. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type TlsOptions } from 'node:tls'
import { Logger } from '@nestjs/common'
import type { SettingsValue } from '../config/settings-schema.js'
import { StartUpError } from '../config/start-up-error.js'

const logger = new Logger('Nestwire')
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * What `node:tls` needs to serve with them; `undefined` without TLS. Rejects with `StartUpError` that names the setting
 * whose file cannot be read or does not hold what it must. A certificate that has expired is only warned of: clients that
 * look see it, and those that do not are better served than by nothing.
 */
export async function readTlsFiles(settings: SettingsValue['tls']): Promise<TlsOptions | undefined> {
  const { certFile, keyFile, clientCaFile, clientCert, minVersion } = settings
  if (certFile === undefined || keyFile === undefined) return undefined
  const [cert, key, ca] = await Promise.all([
    readPem('NESTWIRE_TLS_CERT_FILE', certFile, certificatesIn),
    readPem('NESTWIRE_TLS_KEY_FILE', keyFile, createPrivateKey),
    clientCaFile === undefined ? undefined : readPem('NESTWIRE_TLS_CLIENT_CA_FILE', clientCaFile, certificatesIn),
  ])
  const [own] = cert.parsed
  if (own?.checkPrivateKey(key.parsed) !== true) {
    throw new StartUpError('NESTWIRE_TLS_KEY_FILE is not the key of NESTWIRE_TLS_CERT_FILE')
  }
  if (Date.parse(own.validTo) < Date.now()) logger.warn(`the TLS certificate has expired (${own.validTo})`)
  const options: TlsOptions = {
    cert: cert.text,
    key: key.text,
    minVersion,
    requestCert: clientCert !== 'none',
    rejectUnauthorized: clientCert === 'required',
    ...(ca === undefined ? {} : { ca: ca.text }),
  }
  checkWhole(options)
  return options
}

async function readPem<Parsed>(setting: string, file: string, parse: (text: string) => Parsed) {
  try {
    const text = await readFile(file, 'utf8')
    return { text, parsed: parse(text) }
  } catch (cause) {
    throw new StartUpError(`${setting}: ${reasonOf(cause)}`, { cause })
  }
}

/** All of them: OpenSSL would pass over one that it cannot read. */
function certificatesIn(pem: string): X509Certificate[] {
  const certificates = (pem.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text))
  if (certificates.length === 0) throw new Error('there is no PEM certificate in it')
  return certificates
}

/** What OpenSSL alone knows, such as that a key is too short for its level of security. */
function checkWhole(options: TlsOptions): void {
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new StartUpError(`NESTWIRE_TLS_CERT_FILE: ${reasonOf(cause)}`, { cause })
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
