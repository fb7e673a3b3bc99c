/**
 * Certificates that live for a day, from an authority made by `openssl`. Without `openssl` the specs are skipped, and say
 * how to run them.
 */
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { makeCertificate, type Certificate } from '../../bench/certificates.js'

export type { Certificate } from '../../bench/certificates.js'

const PROGRAM = 'openssl'
const run = promisify(execFile)

/** For `describe.skipIf`. */
export const isOpensslMissing = spawnSync(PROGRAM, ['version'], { stdio: 'ignore' }).status !== 0
if (isOpensslMissing) console.log('openssl: missing, so what needs it is skipped; to get it: npm run setup')

export class CertificateAuthority {
  private made = 0

  private constructor(
    private readonly folder: string,
    private readonly own: Certificate,
  ) {}

  /** Until the test is over. */
  static async make(): Promise<CertificateAuthority> {
    const folder = await mkdtemp(join(tmpdir(), 'nestwire-certificates-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    return new CertificateAuthority(folder, await makeCertificate(folder, 'authority'))
  }

  get caFile(): string {
    return this.own.certFile
  }

  /** The authority as text. */
  async ca(): Promise<string> {
    return readFile(this.caFile, 'utf8')
  }

  /** `altName` is what it is for: `DNS:localhost`, `IP:127.0.0.1`. */
  issue(altName: string): Promise<Certificate> {
    return makeCertificate(this.folder, this.nextName(), { signer: this.own, altName })
  }

  /** For a common name alone. */
  issueTo(commonName: string): Promise<Certificate> {
    return makeCertificate(this.folder, this.nextName(), { signer: this.own, commonName })
  }

  /** Good until yesterday. */
  async issueExpired(altName: string): Promise<Certificate> {
    const issued = await this.issue(altName)
    const { certFile, keyFile } = this.own
    const request = `${issued.certFile}.csr`
    const named = ['-subj', '/CN=expired', '-addext', `subjectAltName=${altName}`]
    await run(PROGRAM, ['req', '-new', '-key', issued.keyFile, '-out', request, ...named])
    const signed = ['x509', '-req', '-in', request, '-out', issued.certFile, '-days', '-1', '-copy_extensions', 'copy']
    await run(PROGRAM, [...signed, '-CA', certFile, '-CAkey', keyFile, '-CAcreateserial'])
    return issued
  }

  private nextName(): string {
    this.made += 1
    return `issued-${this.made}`
  }
}

/** What `node:tls` takes, of the files. */
export async function pemOf({ certFile, keyFile }: Certificate): Promise<{ cert: string; key: string }> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
  return { cert, key }
}
