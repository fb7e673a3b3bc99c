/** A certificate for this machine, from an authority of its own (P-256, good for a day); `openssl` makes them. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface BenchCertificates {
  /** What switches TLS on in a server. */
  readonly settings: Readonly<Record<string, string>>
  /** What a client must know, PEM. */
  readonly ca: string
  close(): void
}

export function makeCertificates(): BenchCertificates {
  const folder = mkdtempSync(join(tmpdir(), 'nestwire-bench-tls-'))
  const file = (name: string): string => join(folder, name)
  const make = (name: string, ...more: string[]): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)]
    const args = ['req', '-x509', '-days', '1', '-subj', `/CN=${name}`, '-out', file(`${name}.pem`), ...key, ...more]
    execFileSync('openssl', args, { stdio: 'ignore' })
  }
  make('authority')
  const signer = ['-CA', file('authority.pem'), '-CAkey', file('authority.key')]
  make('server', ...signer, '-addext', 'basicConstraints=CA:FALSE', '-addext', 'subjectAltName=IP:127.0.0.1')
  return {
    settings: { NESTWIRE_TLS_CERT_FILE: file('server.pem'), NESTWIRE_TLS_KEY_FILE: file('server.key') },
    ca: readFileSync(file('authority.pem'), 'utf8'),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
