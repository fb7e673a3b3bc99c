import { describe, expect, test } from 'vitest'
import { CertificateAuthority, isOpensslMissing, type Certificate } from '../support/certificate-authority.js'
import { runApp } from '../support/running-app.js'
import { cli } from './cli-harness.js'

const SECRET = 'a secret that server and command line share'

async function startSecured() {
  const authority = await CertificateAuthority.make()
  const { certFile, keyFile } = await authority.issue('IP:127.0.0.1')
  const app = await runApp({
    NESTWIRE_AUTH_SECRET: SECRET,
    NESTWIRE_TLS_CERT_FILE: certFile,
    NESTWIRE_TLS_KEY_FILE: keyFile,
    NESTWIRE_TLS_CLIENT_CERT: 'optional',
    NESTWIRE_TLS_CLIENT_CA_FILE: authority.caFile,
  })
  const url = `nestwires://127.0.0.1:${app.address.port}`
  const env = { NESTWIRE_PORT: String(app.address.port), NESTWIRE_AUTH_SECRET: SECRET }
  return { authority, url, env, certFile }
}

const showing = ({ certFile, keyFile }: Certificate): string[] => ['--cert', certFile, '--key', keyFile]
const WHOAMI = ['call', 'auth.whoami', '{}']

describe.skipIf(isOpensslMissing)('a server with TLS', () => {
  test('is trusted by its authority', async () => {
    const { authority, url, env } = await startSecured()
    const { exitCode, stdout } = await cli([...WHOAMI, '--url', url, '--ca', authority.caFile, '--user', 'alice'], {
      env,
    })
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ user: 'alice' })
  })

  test('is not trusted without it, in one line', async () => {
    const { url, env } = await startSecured()
    const { exitCode, stderr } = await cli([...WHOAMI, '--url', url, '--user', 'alice'], { env })
    expect([exitCode, stderr]).toEqual([3, 'nestwire: self-signed certificate in certificate chain\n'])
  })

  test('knows who shows a certificate', async () => {
    const { authority, url } = await startSecured()
    const shown = [...showing(await authority.issue('DNS:billing')), '--ca', authority.caFile]
    const { stdout } = await cli([...WHOAMI, '--url', url, ...shown])
    expect(JSON.parse(stdout)).toMatchObject({ user: 'billing', role: 'service' })
    const sent = await cli(['send', '--room', 'lobby', 'hello', '--url', url, ...shown])
    expect(sent.exitCode).toBe(0)
  })

  test('is found by its own environment', async () => {
    const { authority, env, certFile } = await startSecured()
    const local = { ...env, NESTWIRE_TLS_CERT_FILE: certFile }
    const { exitCode } = await cli([...WHOAMI, '--ca', authority.caFile, '--user', 'alice'], { env: local })
    expect(exitCode).toBe(0)
    const without = await cli([...WHOAMI, '--user', 'alice'], { env: local })
    expect(without.stderr).toContain('self-signed certificate')
  })

  test('says so to a command without TLS', async () => {
    const { env } = await startSecured()
    const { exitCode, stderr } = await cli([...WHOAMI, '--user', 'alice'], { env })
    expect([exitCode, stderr]).toEqual([3, 'nestwire: this port speaks TLS\n'])
  })
})
