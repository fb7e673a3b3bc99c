/** The whole server with TLS: files, reloads, services that log in by their certificates, HTTPS. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { get, type RequestOptions } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/client/chat-client.js'
import { loadSettings, type Environment } from '../src/config/load-settings.js'
import { ErrorCode } from '../src/protocol/error-codes.js'
import { WireRole } from '../src/protocol/packets.js'
import { CertificateAuthority, isOpensslMissing, pemOf, type Certificate } from './support/certificate-authority.js'
import { RawClient } from './support/raw-client.js'
import { runApp, type TestApp } from './support/running-app.js'

const filesOf = ({ certFile, keyFile }: Certificate): Environment => ({
  NESTWIRE_TLS_CERT_FILE: certFile,
  NESTWIRE_TLS_KEY_FILE: keyFile,
})

async function startWith(over: (authority: CertificateAuthority) => Environment = () => ({})) {
  const authority = await CertificateAuthority.make()
  const certificate = await authority.issue('IP:127.0.0.1')
  const env = { ...filesOf(certificate), ...over(authority) }
  const app = await runApp(env)
  return { app, env, authority, certificate, trust: { ca: await authority.ca() } }
}

const asking =
  (how: 'optional' | 'required') =>
  ({ caFile }: CertificateAuthority): Environment => ({
    NESTWIRE_TLS_CLIENT_CERT: how,
    NESTWIRE_TLS_CLIENT_CA_FILE: caFile,
  })

/** What a reload does with an environment. */
async function reload({ settings }: TestApp, env: Environment): Promise<void> {
  const commit = await settings.prepare(loadSettings(env))
  commit()
}

const auth = (token: string, correlation = 1) => ({ kind: 'auth', correlation, redirects: 0, token }) as const

/** A file for one reader: there is nothing left for a second one. */
function forOneReader(file: string): string {
  const path = `${file}.once`
  expect(spawnSync('mkfifo', [path]).status).toBe(0)
  const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', file, path], { stdio: 'ignore' })
  onTestFinished(() => void writer.kill('SIGKILL'))
  return path
}

async function getStatus(app: TestApp, options: RequestOptions): Promise<number | undefined> {
  const { port } = app.httpAddress
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', path: '/health/live', agent: false, ...options }, (answer) => {
      resolve(answer.statusCode)
      void text(answer)
    })
    request.on('error', reject)
  })
}

describe.skipIf(isOpensslMissing)('a reload', () => {
  test('shows a renewed certificate to the next connection, and drops none', async () => {
    const { app, env, certificate, trust } = await startWith()
    const before = await RawClient.greeted(app.address.port, trust)
    const next = await CertificateAuthority.make()
    const renewed = await next.issue('IP:127.0.0.1')
    await copyFile(renewed.certFile, certificate.certFile)
    await copyFile(renewed.keyFile, certificate.keyFile)
    await RawClient.greeted(app.address.port, trust)
    await reload(app, env)
    await expect(RawClient.greeted(app.address.port, trust)).rejects.toThrow('unable to verify')
    await RawClient.greeted(app.address.port, { ca: await next.ca() })
    await before.expectNothing()
  })

  test.each([
    ['a key of another certificate', 'NESTWIRE_TLS_KEY_FILE is not the key of NESTWIRE_TLS_CERT_FILE', 'other key'],
    ['no certificate', 'NESTWIRE_TLS_CERT_FILE: there is no PEM certificate in it', 'no certificate'],
    ['half a certificate', 'NESTWIRE_TLS_CERT_FILE: ', 'half'],
    ['no file', 'NESTWIRE_TLS_KEY_FILE: ENOENT', 'no file'],
    ['an empty list of authorities', 'NESTWIRE_TLS_CLIENT_CA_FILE: there is no PEM certificate in it', 'no authority'],
  ])('with %s changes nothing', async (_, problem, kind) => {
    const { app, env, authority, certificate, trust } = await startWith()
    const { cert } = await pemOf(certificate)
    const folder = join(authority.caFile, '..')
    const other = await authority.issue('IP:127.0.0.1')
    await writeFile(join(folder, 'empty'), '')
    await writeFile(join(folder, 'half'), `${cert.slice(0, 200)}\n-----END CERTIFICATE-----\n`)
    const changes: Record<string, Environment> = {
      'other key': { NESTWIRE_TLS_KEY_FILE: other.keyFile },
      'no certificate': { NESTWIRE_TLS_CERT_FILE: join(folder, 'empty') },
      half: { NESTWIRE_TLS_CERT_FILE: join(folder, 'half') },
      'no file': { NESTWIRE_TLS_KEY_FILE: join(folder, 'nothing') },
      'no authority': {
        NESTWIRE_TLS_CLIENT_CERT: 'required',
        NESTWIRE_TLS_CLIENT_CA_FILE: join(folder, 'empty'),
      },
    }
    const { current } = app.settings
    await expect(reload(app, { ...env, NESTWIRE_MAX_ROOMS: '7', ...changes[kind] })).rejects.toThrow(problem)
    expect(app.settings.current).toBe(current)
    await RawClient.greeted(app.address.port, trust)
  })

  test('asks for client certificates from then on', async () => {
    const { app, env, authority, trust } = await startWith()
    const before = await RawClient.greeted(app.address.port, trust)
    await reload(app, { ...env, ...asking('required')(authority) })
    await (await RawClient.connectTls(app.address.port, trust)).expectClosed('AuthRejected')
    await before.expectNothing()
  })

  test('that takes an authority away ends nobody, and lets nobody of it in', async () => {
    const { app, env, authority, trust } = await startWith(asking('required'))
    const pem = await pemOf(await authority.issue('DNS:billing'))
    const before = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    await before.ask(auth(''), 'authOk')
    const next = await CertificateAuthority.make()
    await reload(app, { ...env, ...asking('required')(next) })
    await (await RawClient.connectTls(app.address.port, { ...trust, ...pem })).expectClosed('AuthRejected')
    await before.settled()
  })

  test('raises the oldest version', async () => {
    const { app, env, trust } = await startWith()
    const older = { ...trust, maxVersion: 'TLSv1.2' } as const
    await RawClient.greeted(app.address.port, older)
    await reload(app, { ...env, NESTWIRE_TLS_MIN_VERSION: 'TLSv1.3' })
    await expect(RawClient.greeted(app.address.port, older)).rejects.toThrow('protocol version')
  })
})

describe.skipIf(isOpensslMissing)('a start', () => {
  test('with a key that does not fit says so and ends', async () => {
    const authority = await CertificateAuthority.make()
    const [certificate, other] = await Promise.all([authority.issue('DNS:a'), authority.issue('DNS:b')])
    const env = { ...filesOf(certificate), NESTWIRE_TLS_KEY_FILE: other.keyFile }
    await expect(runApp(env)).rejects.toThrow('NESTWIRE_TLS_KEY_FILE is not the key of NESTWIRE_TLS_CERT_FILE')
  })

  test('with a certificate that has expired goes on', async () => {
    const authority = await CertificateAuthority.make()
    const app = await runApp(filesOf(await authority.issueExpired('IP:127.0.0.1')))
    const client = RawClient.greeted(app.address.port, { ca: await authority.ca() })
    await expect(client).rejects.toThrow('certificate has expired')
    expect(app.server.isAccepting).toBe(true)
    expect(app.server.tlsCertificateEndsAtMs).toBeLessThan(Date.now())
  })
})

describe.skipIf(isOpensslMissing)('a service', () => {
  test.each([
    ['URI:spiffe://chat/billing,DNS:billing', 'spiffe://chat/billing'],
    ['DNS:billing.internal', 'billing.internal'],
  ])('that shows %s logs in without a token as %s', async (altName, user) => {
    const { app, authority, trust } = await startWith(asking('optional'))
    const pem = await pemOf(await authority.issue(altName))
    const client = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    const granted = await client.ask(auth(''), 'authOk')
    expect(granted).toMatchObject({ user, role: WireRole.Service })
    // Until the certificate ends, and without a ticket that would do instead of it.
    expect(granted.expiresAtMs - Date.now()).toBeLessThanOrEqual(86_400_000)
    expect(granted.ticket).toHaveLength(0)
  })

  test('is whom the common name says where there is no other name', async () => {
    const { app, authority, trust } = await startWith(asking('required'))
    const pem = await pemOf(await authority.issueTo('reporter'))
    const client = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    expect(await client.ask(auth(''), 'authOk')).toMatchObject({ user: 'reporter' })
  })

  test.each(['DNS:*.internal', 'DNS:a  b'])('that shows %s is nobody', async (altName) => {
    const { app, authority, trust } = await startWith(asking('optional'))
    const pem = await pemOf(await authority.issue(altName))
    const client = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    expect(await client.ask(auth(''), 'error')).toMatchObject({ code: ErrorCode.TokenInvalid })
    await client.expectClosed('AuthRejected')
  })

  test('gets the role that is set', async () => {
    const { app, authority, trust } = await startWith((own) => ({
      ...asking('optional')(own),
      NESTWIRE_TLS_CERT_ROLE: 'user',
    }))
    const pem = await pemOf(await authority.issue('DNS:billing'))
    const client = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    expect(await client.ask(auth(''), 'authOk')).toMatchObject({ role: WireRole.User })
  })

  test('needs a token where certificates are nobody', async () => {
    const { app, authority, trust } = await startWith((own) => ({
      ...asking('required')(own),
      NESTWIRE_TLS_CERT_ROLE: 'none',
    }))
    const pem = await pemOf(await authority.issue('DNS:billing'))
    const without = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    expect(await without.ask(auth(''), 'error')).toMatchObject({ code: ErrorCode.TokenInvalid })
    const having = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    expect(await having.ask(auth(await app.tokenOf('alice')), 'authOk')).toMatchObject({ user: 'alice' })
  })

  test('without a certificate is nobody', async () => {
    const { app, trust } = await startWith(asking('optional'))
    const client = await RawClient.greeted(app.address.port, trust)
    expect(await client.ask(auth(''), 'error')).toMatchObject({ code: ErrorCode.TokenInvalid })
    await client.expectClosed('AuthRejected')
  })

  test('cannot become another user, nor another the service', async () => {
    const { app, authority, trust } = await startWith(asking('optional'))
    const pem = await pemOf(await authority.issue('DNS:billing'))
    const service = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    await service.ask(auth(''), 'authOk')
    const refused = await service.ask(auth(await app.tokenOf('alice'), 2), 'error')
    expect(refused.code).toBe(ErrorCode.UserMismatch)
    const alice = await RawClient.greeted(app.address.port, { ...trust, ...pem })
    await alice.ask(auth(await app.tokenOf('alice')), 'authOk')
    expect((await alice.ask(auth('', 2), 'error')).code).toBe(ErrorCode.UserMismatch)
  })
})

describe.skipIf(isOpensslMissing)('HTTPS', () => {
  test('has the same certificate, also after a reload', async () => {
    const https = { NESTWIRE_HTTP_TLS: 'true' }
    const { app, env, trust } = await startWith(() => https)
    expect(await getStatus(app, trust)).toBe(200)
    const next = await CertificateAuthority.make()
    await reload(app, { ...env, ...filesOf(await next.issue('IP:127.0.0.1')) })
    await expect(getStatus(app, trust)).rejects.toThrow('unable to verify')
    expect(await getStatus(app, { ca: await next.ca() })).toBe(200)
  })

  test('gets it by the same read of the files as the binary port, at the start and at a reload', async () => {
    const readOnce = ({ certFile, keyFile }: Certificate): Environment =>
      filesOf({ certFile: forOneReader(certFile), keyFile: forOneReader(keyFile) })
    const https = { NESTWIRE_HTTP_TLS: 'true' }
    const [authority, next] = [await CertificateAuthority.make(), await CertificateAuthority.make()]
    const app = await runApp({ ...https, ...readOnce(await authority.issue('IP:127.0.0.1')) })
    const isShownBy = async (ca: string): Promise<void> => {
      expect(await getStatus(app, { ca })).toBe(200)
      await RawClient.greeted(app.address.port, { ca })
    }
    await isShownBy(await authority.ca())
    await reload(app, { ...https, ...readOnce(await next.issue('IP:127.0.0.1')) })
    await isShownBy(await next.ca())
  })

  test('asks for no client certificate', async () => {
    const { app, trust } = await startWith((own) => ({ NESTWIRE_HTTP_TLS: 'true', ...asking('required')(own) }))
    expect(await getStatus(app, trust)).toBe(200)
  })

  test('waits for no connection without a handshake when the server ends', async () => {
    const { app, trust } = await startWith(() => ({ NESTWIRE_HTTP_TLS: 'true' }))
    const silent = connectTcp({ port: app.httpAddress.port, host: '127.0.0.1', allowHalfOpen: true })
    silent.on('error', () => undefined).resume()
    onTestFinished(() => void silent.destroy())
    await once(silent, 'connect')
    // Connections are taken in order.
    expect(await getStatus(app, trust)).toBe(200)
    await app.close()
  })

  test('is not there unless it is asked for', async () => {
    const { app } = await startWith()
    expect((await fetch(`${app.healthUrl}/live`)).status).toBe(200)
  })
})

describe.skipIf(isOpensslMissing)('the client library', () => {
  test('chats by nestwires://, with a token', async () => {
    const { app, trust } = await startWith()
    const server = `nestwires://127.0.0.1:${app.address.port}`
    const alice = await connect({ servers: [server], tls: trust, token: await app.tokenOf('alice') })
    const room = await alice.join('lobby')
    expect((await room.publish('hi')).seq).toBeGreaterThan(0)
    await alice.close()
  })

  test('logs in by its certificate, again and again', async () => {
    const { app, authority, trust } = await startWith(asking('required'))
    const tls = { ...trust, ...(await pemOf(await authority.issue('DNS:billing'))) }
    const billing = await connect({ port: app.address.port, tls })
    expect(billing.session).toMatchObject({ user: 'billing', role: WireRole.Service })
    await billing.close()
  })

  test('says what is wrong where only one of the two speaks TLS', async () => {
    const [secured, plain] = [await startWith(), await runApp()]
    const token = 'any'
    await expect(connect({ port: secured.app.address.port, token })).rejects.toMatchObject({
      code: 'BAD_MAGIC',
      message: 'this port speaks TLS',
    })
    await expect(connect({ port: plain.address.port, token, tls: {} })).rejects.toMatchObject({
      message: 'the server does not speak TLS',
    })
  })
})
