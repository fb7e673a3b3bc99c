/** Certificates of P-256, good for a day, made by `openssl`. */
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** PEM files. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

export interface BenchCertificates {
  /** What switches TLS on in a server. */
  readonly settings: Readonly<Record<string, string>>
  /** What a client must know, PEM. */
  readonly ca: string
  close(): void
}

interface Request {
  /** Default: the certificate itself, as of an authority. */
  readonly signer?: Certificate
  /** Default: the name of its files. */
  readonly commonName?: string
  /** What it is for: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly altName?: string
}

/** A certificate for this machine, from an authority of its own. */
export async function makeCertificates(): Promise<BenchCertificates> {
  const folder = await mkdtemp(join(tmpdir(), 'nestwire-bench-tls-'))
  const signer = await makeCertificate(folder, 'authority')
  const { certFile, keyFile } = await makeCertificate(folder, 'server', { signer, altName: 'IP:127.0.0.1' })
  return {
    settings: { NESTWIRE_TLS_CERT_FILE: certFile, NESTWIRE_TLS_KEY_FILE: keyFile },
    ca: await readFile(signer.certFile, 'utf8'),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export async function makeCertificate(
  folder: string,
  name: string,
  { signer, commonName = name, altName }: Request = {},
): Promise<Certificate> {
  const certificate = { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) }
  const args = ['req', '-x509', '-days', '1', '-subj', `/CN=${commonName}`, '-out', certificate.certFile]
  args.push('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', certificate.keyFile)
  if (signer !== undefined) {
    args.push('-CA', signer.certFile, '-CAkey', signer.keyFile, '-addext', 'basicConstraints=CA:FALSE')
  }
  if (altName !== undefined) args.push('-addext', `subjectAltName=${altName}`)
  await run('openssl', args)
  return certificate
}
