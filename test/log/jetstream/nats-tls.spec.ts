/** NATS behind TLS: who the server is, and who a node is, by certificates of an authority of their own. */
import { copyFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority, isOpensslMissing, type Certificate } from '../../support/certificate-authority.js'
import { isNatsMissing } from '../../support/nats-server.js'
import { append, fileWith, NO_SUCH_FILE, openAt, problemAt, startServer } from './guarded-nats.js'

const asServer = ({ certFile, keyFile }: Certificate) => ['--tls', '--tlscert', certFile, '--tlskey', keyFile]
const trusting = ({ caFile }: CertificateAuthority) => ({ NESTWIRE_CLUSTER_TLS_CA_FILE: caFile })
const showing = ({ certFile, keyFile }: Certificate) => ({
  NESTWIRE_CLUSTER_TLS_CERT_FILE: certFile,
  NESTWIRE_CLUSTER_TLS_KEY_FILE: keyFile,
})
const at = (scheme: 'nats' | 'tls', host: string, port: number) => ({
  NESTWIRE_CLUSTER_URL: `${scheme}://${host}:${port}`,
})

describe.skipIf(isNatsMissing || isOpensslMissing)('a NATS with a certificate', () => {
  test.each(['nats', 'tls'] as const)('is trusted by its authority, as %s://', async (scheme) => {
    const authority = await CertificateAuthority.make()
    const server = await startServer(...asServer(await authority.issue('DNS:localhost')))
    const node = await openAt(server, { ...at(scheme, 'localhost', server.port), ...trusting(authority) })
    await expect(append(node)).resolves.toBe(1)
  })

  test('is trusted by its address where the certificate has it', async () => {
    const authority = await CertificateAuthority.make()
    const server = await startServer(...asServer(await authority.issue('IP:127.0.0.1')))
    await expect(append(await openAt(server, trusting(authority)))).resolves.toBe(1)
  })

  test.each([
    ['address', '127.0.0.1', 'DNS:localhost'],
    ['name', 'localhost', 'IP:127.0.0.1'],
  ])('ends the start of a node that knows it by another %s', async (_, host, altName) => {
    const authority = await CertificateAuthority.make()
    const server = await startServer(...asServer(await authority.issue(altName)))
    const problem = await problemAt(server, { ...at('tls', host, server.port), ...trusting(authority) })
    expect(problem).toContain('NESTWIRE_CLUSTER_URL must have a name that is in the certificate')
  })

  test.each(['nats', 'tls'] as const)('ends the start of a node without its authority, as %s://', async (scheme) => {
    const authority = await CertificateAuthority.make()
    const server = await startServer(...asServer(await authority.issue('DNS:localhost')))
    expect(await problemAt(server, at(scheme, 'localhost', server.port))).toContain('(NESTWIRE_CLUSTER_TLS_CA_FILE')
  })

  test('ends the start of a node that trusts another authority', async () => {
    const [authority, other] = await Promise.all([CertificateAuthority.make(), CertificateAuthority.make()])
    const server = await startServer(...asServer(await authority.issue('DNS:localhost')))
    const env = { ...at('tls', 'localhost', server.port), ...trusting(other) }
    expect(await problemAt(server, env)).toContain('(NESTWIRE_CLUSTER_TLS_CA_FILE')
  })

  test('has a node back when another authority has signed a new one', async () => {
    const [authority, next] = await Promise.all([CertificateAuthority.make(), CertificateAuthority.make()])
    const server = await startServer(...asServer(await authority.issue('IP:127.0.0.1')))
    const node = await openAt(server, trusting(authority))
    await copyFile(next.caFile, authority.caFile)
    await server.stop()
    await expect.poll(() => node.log.fault()).toBeDefined()
    await server.restart(asServer(await next.issue('IP:127.0.0.1')))
    await expect.poll(() => node.log.fault()).toBeUndefined()
    await expect(append(node)).resolves.toBe(1)
  })
})

describe.skipIf(isNatsMissing || isOpensslMissing)('a NATS that wants a certificate of a node', () => {
  async function startStrict() {
    const authority = await CertificateAuthority.make()
    const own = asServer(await authority.issue('IP:127.0.0.1'))
    return { authority, server: await startServer(...own, '--tlsverify', '--tlscacert', authority.caFile) }
  }

  test('lets a node with one in', async () => {
    const { authority, server } = await startStrict()
    const node = await openAt(server, { ...trusting(authority), ...showing(await authority.issue('DNS:node')) })
    await expect(append(node)).resolves.toBe(1)
  })

  test('ends the start of a node without one, or with one of another authority', async () => {
    const [{ authority, server }, other] = await Promise.all([startStrict(), CertificateAuthority.make()])
    const strange = showing(await other.issue('DNS:node'))
    // Both wait until it is clear that nobody answers.
    const problems = await Promise.all([
      problemAt(server, trusting(authority)),
      problemAt(server, { ...trusting(authority), ...strange }),
    ])
    expect(problems[0]).toContain('need NESTWIRE_CLUSTER_TLS_CERT_FILE and NESTWIRE_CLUSTER_TLS_KEY_FILE')
    expect(problems[1]).toContain('do not accept NESTWIRE_CLUSTER_TLS_CERT_FILE')
  })
})

describe.skipIf(isNatsMissing || isOpensslMissing)('a node that is to use TLS', () => {
  test('does not start with a NATS that has none', async () => {
    const server = await startServer()
    const problem = await problemAt(server, at('tls', '127.0.0.1', server.port))
    expect(problem).toContain('tls:// in NESTWIRE_CLUSTER_URL or a NESTWIRE_CLUSTER_TLS_… file asks for it')
  })

  test('does not start without the files that its settings name', async () => {
    const [server, authority] = await Promise.all([startServer(), CertificateAuthority.make()])
    const [one, other] = [showing(await authority.issue('DNS:one')), showing(await authority.issue('DNS:other'))]
    const broken = await fileWith('hello')
    const ca = 'NESTWIRE_CLUSTER_TLS_CA_FILE'
    const cert = 'NESTWIRE_CLUSTER_TLS_CERT_FILE'
    const key = 'NESTWIRE_CLUSTER_TLS_KEY_FILE'
    for (const file of [NO_SUCH_FILE, broken]) {
      expect(await problemAt(server, { [ca]: file })).toMatch(new RegExp(`^${ca}: `))
      expect(await problemAt(server, { ...one, [cert]: file })).toMatch(new RegExp(`^${cert}: `))
      expect(await problemAt(server, { ...one, [key]: file })).toMatch(new RegExp(`^${key}: `))
    }
    expect(await problemAt(server, { ...one, [key]: other[key] })).toBe(`${key} is not the key of ${cert}`)
  })
})
