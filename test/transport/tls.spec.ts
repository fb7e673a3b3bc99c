/** Who comes through the door of TLS, and who does not. */
import { connect as connectPlain, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket, type TlsOptions } from 'node:tls'
import { once } from 'node:events'
import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { NestwireClient } from '../../src/transport/nestwire-client.js'
import { NestwireContext } from '../../src/transport/nestwire.context.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { CertificateAuthority, isOpensslMissing, pemOf } from '../support/certificate-authority.js'
import { RawClient, hello } from '../support/raw-client.js'
import { startTransport, type TransportHarness } from '../support/transport-harness.js'

@Controller()
class MirrorController {
  @MessagePattern('certificate')
  certificate(@Ctx() context: NestwireContext): string {
    return context.getConnection().clientCertificate?.subjectAltName ?? 'none'
  }
}

interface Secured extends TransportHarness {
  readonly authority: CertificateAuthority
  /** What a client must know to trust the server. */
  readonly trust: { readonly ca: string }
}

async function startSecured(
  over: TlsOptions = {},
  limits: Partial<TransportLimits> = {},
  host = '127.0.0.1',
): Promise<Secured> {
  const authority = await CertificateAuthority.make()
  const [pem, ca] = await Promise.all([authority.issue('IP:127.0.0.1').then(pemOf), authority.ca()])
  const tlsOptions = { ...pem, ca, ...over }
  const harness = await startTransport({ host, tlsOptions, limits, module: { controllers: [MirrorController] } })
  return { ...harness, authority, trust: { ca } }
}

const silentlyConnected = async (port: number) => {
  const socket = connectPlain(port, '127.0.0.1')
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

const gone = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.once('close', () => resolve()))

/** What the server has promised to take up again. */
async function sessionOf({ socket }: RawClient): Promise<Buffer> {
  const tls = socket as TLSSocket
  // Part of the handshake in TLS 1.2, behind it in 1.3.
  const known = tls.getProtocol() === 'TLSv1.2' ? tls.getSession() : undefined
  return known ?? ((await once(tls, 'session')) as [Buffer])[0]
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  listener.close()
  return port
}

/** One that has begun to speak TLS and goes no further. */
async function stuckAt({ port, server }: TransportHarness): Promise<Socket> {
  const before = server.tlsCounters.underWay
  const socket = await silentlyConnected(port)
  socket.write(Buffer.from('160301', 'hex'))
  await expect.poll(() => server.tlsCounters.underWay).toBe(before + 1)
  return socket
}

/** Who has not spoken is read only so many at a time. */
const READ_AT_ONCE = 64

/** So many silent sockets that whoever comes next is not read. */
async function crowdAt({ port, server }: TransportHarness): Promise<Socket[]> {
  const silent = await Promise.all(Array.from({ length: READ_AT_ONCE }, () => silentlyConnected(port)))
  await expect.poll(() => server.connectionCount).toBe(READ_AT_ONCE)
  return silent
}

/** One that comes, is reset, and is followed by another from the same port, which is returned. */
async function replaceUnread({ port, server }: TransportHarness): Promise<Socket> {
  const localPort = await freePort()
  const enter = async (): Promise<Socket> => {
    const accepted = once(server.unwrap(), 'connection')
    const socket = connectPlain({ port, host: '127.0.0.1', localPort })
    onTestFinished(() => void socket.destroy())
    await accepted
    return socket
  }
  const first = await enter()
  first.resetAndDestroy()
  await gone(first)
  return enter()
}

const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => 'connected',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )

async function certificateSeenBy(client: RawClient): Promise<unknown> {
  const request = { kind: 'request', correlation: 7, priority: 0, pattern: 'certificate', body: encodeBody(0) } as const
  const reply = await client.ask({ ...request, deadlineMs: undefined, metadata: undefined }, 'reply')
  return decodeBody(reply.body)
}

describe.skipIf(isOpensslMissing)('a port with TLS', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const { port, trust, server } = await startSecured()
    const client = await RawClient.greeted(port, { ...trust, minVersion: version, maxVersion: version })
    expect((client.socket as TLSSocket).getProtocol()).toBe(version)
    expect(server.tlsCounters).toMatchObject({ secured: 1, resumed: 0, failed: 0 })
  })

  test('refuses TLS 1.1', async () => {
    const { port, trust, server } = await startSecured()
    const old: ConnectionOptions = {
      ...trust,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }
    expect(await codeOf(RawClient.connectTls(port, old))).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    await expect.poll(() => server.tlsCounters.failed).toBe(1)
    expect(server.connectionCount).toBe(0)
  })

  test('refuses TLS 1.2 where 1.3 is the oldest', async () => {
    const { port, trust } = await startSecured({ minVersion: 'TLSv1.3' })
    const older: ConnectionOptions = { ...trust, maxVersion: 'TLSv1.2' }
    expect(await codeOf(RawClient.connectTls(port, older))).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
    await RawClient.greeted(port, trust)
  })

  test('is left by clients that do not know its authority', async () => {
    const { port, server } = await startSecured()
    const stranger = await CertificateAuthority.make()
    expect(await codeOf(RawClient.connectTls(port, { ca: await stranger.ca() }))).toBe('SELF_SIGNED_CERT_IN_CHAIN')
    await expect.poll(() => server.connectionCount).toBe(0)
  })

  test('tells a client that speaks plain text', async () => {
    const { port, server } = await startSecured()
    const client = await RawClient.connect(port)
    client.send(hello())
    expect((await client.expectClosed('BadMagic')).message).toBe('this port speaks TLS')
    expect(server.tlsCounters).toMatchObject({ plainText: 1, failed: 0 })
  })

  test('tells 256 of these, and cuts the next, while none of them hangs up', async () => {
    const { port, server } = await startSecured()
    const told: RawClient[] = []
    for (let count = 0; count < 256; count += 1) {
      const client = await RawClient.connect(port)
      client.send(hello())
      await client.expectClosed('BadMagic')
      told.push(client)
    }
    const next = await RawClient.connect(port)
    next.send(hello())
    expect(await next.next()).toBeUndefined()
    expect([server.connectionCount, server.counters.refusedUntold]).toEqual([256, 1])
    told[0]?.end()
    await expect.poll(() => server.connectionCount).toBe(255)
    const oneMore = await RawClient.connect(port)
    oneMore.send(hello())
    await oneMore.expectClosed('BadMagic')
  })

  test('serves a NestwireClient that trusts it, with a certificate or without', async () => {
    const { port, trust, authority } = await startSecured({ requestCert: true, rejectUnauthorized: false })
    for (const shown of [{}, await pemOf(await authority.issue('DNS:billing'))]) {
      const client = new NestwireClient({ port, tls: { ...trust, ...shown } })
      onTestFinished(() => client.close())
      const seen = await firstValueFrom(client.send<string>('certificate', 0))
      expect(seen).toBe('cert' in shown ? 'DNS:billing' : 'none')
    }
  })

  test('takes up the session of an earlier connection', async () => {
    const { port, trust, server } = await startSecured()
    const first = await RawClient.connectTls(port, trust)
    const session = await sessionOf(first)
    await RawClient.greeted(port, { ...trust, session })
    expect(server.tlsCounters).toMatchObject({ secured: 2, resumed: 1 })
  })

  test('counts garbage, and nobody else hears of it', async () => {
    const { port, trust, server } = await startSecured()
    const bystander = await RawClient.greeted(port, trust)
    for (const garbage of ['16030100050102030405', '1603030001ff', `160301ffff${'00'.repeat(100)}`]) {
      const socket = await silentlyConnected(port)
      socket.write(Buffer.from(garbage, 'hex'))
      socket.resume()
      if (garbage.length < 100) socket.end()
      await gone(socket)
    }
    await expect.poll(() => server.tlsCounters.failed).toBe(3)
    expect(server.connectionCount).toBe(1)
    await bystander.expectNothing()
  })

  test('is no port for plain text even where it is shut for TLS', async () => {
    const { port } = await startTransport({ module: {} })
    expect(await codeOf(RawClient.connectTls(port, {}))).toMatch(/^(ERR_SSL_WRONG_VERSION_NUMBER|EPROTO)$/)
  })
})

describe.skipIf(isOpensslMissing)('limits of handshakes', () => {
  test('counts who has not finished among the connections', async () => {
    const { port, trust, server } = await startSecured({}, { maxConnections: 2 })
    await silentlyConnected(port)
    await expect.poll(() => server.connectionCount).toBe(1)
    const last = await RawClient.greeted(port, trust)
    const refused = await RawClient.connectTls(port, trust)
    expect((await refused.expectClosed('ServerFull')).retryAfterMs).toBeGreaterThan(0)
    await last.expectNothing()
  })

  test('tells two sockets of one client port apart, which lead to two addresses of the server', async () => {
    const { port, server } = await startSecured({}, {}, '0.0.0.0')
    const localPort = await freePort()
    const [first, second] = ['127.0.0.1', '127.0.0.2'].map((host) => {
      const socket = connectPlain({ port, host, localAddress: '127.0.0.1', localPort })
      onTestFinished(() => void socket.destroy())
      return socket
    })
    await expect.poll(() => server.connectionCount).toBe(2)
    first?.destroy()
    await expect.poll(() => server.connectionCount).toBe(1)
    second?.destroy()
    await expect.poll(() => server.connectionCount).toBe(0)
  })

  test('lets in who takes the port of another that was reset before it was read', async () => {
    const harness = await startSecured()
    const { port, trust, server } = harness
    const silent = await crowdAt(harness)
    const raw = await replaceUnread(harness)
    const socket = connect({ socket: raw, ...trust, host: '127.0.0.1' })
    for (const one of silent) one.destroy()
    await once(socket, 'secureConnect')
    await expect.poll(() => [server.tlsCounters.secured, server.connectionCount]).toEqual([1, 1])
    await RawClient.greeted(port, trust)
  })

  test('counts nobody who was refused, reset before it was read, and replaced on its port', async () => {
    const harness = await startSecured({}, { maxConnections: READ_AT_ONCE })
    const { port, trust, server } = harness
    const silent = await crowdAt(harness)
    const raw = await replaceUnread(harness)
    for (const socket of [...silent, raw]) socket.destroy()
    await expect.poll(() => server.connectionCount).toBe(0)
    harness.changeLimits({ maxConnections: 1 })
    const last = await RawClient.greeted(port, trust)
    const refused = await RawClient.connectTls(port, trust)
    await refused.expectClosed('ServerFull')
    await last.expectNothing()
  })

  test.each([
    ['never speaks', ''],
    ['stops in its first record', '160301'],
    ['never answers', undefined],
  ])('cuts at the handshake deadline who %s', async (_, hex) => {
    const { port, server, clock } = await startSecured({}, { handshakeTimeoutMs: 3_000 })
    const socket = await silentlyConnected(port)
    // A whole ClientHello, and the answer to it is not read.
    socket.write(hex === undefined ? await clientHello() : Buffer.from(hex, 'hex'))
    await expect.poll(() => server.connectionCount).toBe(1)
    clock.advance(2_750)
    expect(server.connectionCount).toBe(1)
    clock.advance(500)
    expect(server.connectionCount).toBe(0)
    socket.resume()
    await gone(socket)
    expect(server.tlsCounters).toMatchObject({ timedOut: 1, failed: 0, secured: 0 })
  })

  test('counts the time of TLS towards the deadline of the whole handshake', async () => {
    const { port, trust, clock, server } = await startSecured({}, { handshakeTimeoutMs: 3_000 })
    const raw = await silentlyConnected(port)
    await expect.poll(() => server.connectionCount).toBe(1)
    clock.advance(2_000)
    const socket = connect({ socket: raw, ...trust, host: '127.0.0.1' })
    await once(socket, 'secureConnect')
    await expect.poll(() => server.tlsCounters.secured).toBe(1)
    clock.advance(1_250)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    expect(bytes.toString('latin1')).toContain('the handshake took too long')
  })

  test('begins four in one turn of the event loop', async () => {
    const { port, server } = await startSecured()
    const sockets = await Promise.all(Array.from({ length: 20 }, () => silentlyConnected(port)))
    await expect.poll(() => server.connectionCount).toBe(20)
    for (const socket of sockets) socket.write(Buffer.from('160301', 'hex'))
    const steps: number[] = []
    for (let before = 0; before < 20;) {
      await new Promise(setImmediate)
      const { underWay } = server.tlsCounters
      steps.push(underWay - before)
      before = underWay
    }
    expect(Math.max(...steps)).toBe(4)
  })

  test('begins the last handshake that there is room for, and the next when one has ended', async () => {
    const harness = await startSecured({}, { maxTlsHandshakes: 2 })
    const { port, trust, server } = harness
    const stuck = await stuckAt(harness)
    const last = await RawClient.greeted(port, trust)
    await stuckAt(harness)
    const waits = RawClient.greeted(port, trust)
    await expect.poll(() => server.connectionCount).toBe(4)
    await last.expectNothing()
    expect(server.tlsCounters).toMatchObject({ underWay: 2, secured: 1 })
    stuck.destroy()
    await waits
    expect(server.tlsCounters).toMatchObject({ underWay: 1, secured: 2, failed: 1, timedOut: 0 })
  })

  test('gives the place of whoever takes a second to others', async () => {
    const harness = await startSecured({}, { maxTlsHandshakes: 1 })
    const { port, trust, server, clock } = harness
    await stuckAt(harness)
    const waits = RawClient.greeted(port, trust)
    await expect.poll(() => server.connectionCount).toBe(2)
    clock.advance(750)
    const alsoWaits = RawClient.greeted(port, trust)
    await expect.poll(() => server.connectionCount).toBe(3)
    expect(server.tlsCounters).toMatchObject({ underWay: 1, secured: 0 })
    clock.advance(250)
    await RawClient.greeted(port, trust)
    await Promise.all([waits, alsoWaits])
    expect(server.tlsCounters).toMatchObject({ underWay: 0, secured: 3, timedOut: 1 })
  })

  test('gives it after that second even if nothing else happens', async () => {
    const handshakeTimeoutMs = 60_000
    const harness = await startSecured({}, { maxTlsHandshakes: 1, handshakeTimeoutMs })
    const { port, trust, server, clock } = harness
    await stuckAt(harness)
    const sinceMs = clock.uptimeMs()
    const waits = RawClient.greeted(port, trust)
    await expect.poll(() => server.connectionCount).toBe(2)
    const passes = setInterval(() => clock.advance(250), 10)
    onTestFinished(() => clearInterval(passes))
    await waits
    expect(clock.uptimeMs() - sinceMs).toBeLessThan(handshakeTimeoutMs)
    expect(server.tlsCounters).toMatchObject({ underWay: 0, secured: 1, timedOut: 1 })
  })

  test('cuts handshakes under way when the server drains', async () => {
    const harness = await startSecured()
    const { port, server, trust } = harness
    const stuck = await stuckAt(harness)
    const client = await RawClient.greeted(port, trust)
    const closed = server.close()
    await gone(stuck.resume())
    await client.expectClosedAtLast('ShuttingDown')
    client.end()
    await closed
  })
})

describe.skipIf(isOpensslMissing)('client certificates', () => {
  const required: TlsOptions = { requestCert: true }
  const optional: TlsOptions = { requestCert: true, rejectUnauthorized: false }

  test('are seen by handlers', async () => {
    const { port, trust, authority } = await startSecured(required)
    const client = await RawClient.greeted(port, { ...trust, ...(await pemOf(await authority.issue('DNS:billing'))) })
    expect(await certificateSeenBy(client)).toBe('DNS:billing')
  })

  test('may be missing where they are optional', async () => {
    const { port, trust } = await startSecured(optional)
    expect(await certificateSeenBy(await RawClient.greeted(port, trust))).toBe('none')
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('are required with a word of explanation, by %s', async (version) => {
    const { port, trust, server } = await startSecured(required)
    const client = await RawClient.connectTls(port, { ...trust, maxVersion: version })
    expect((await client.expectClosed('AuthRejected')).message).toBe('a client certificate is required')
    expect(server.tlsCounters.certificatesRefused).toBe(1)
  })

  test.each([
    ['required', required],
    ['optional', optional],
  ])('of another authority are refused where they are %s', async (_, options) => {
    const { port, trust } = await startSecured(options)
    const other = await CertificateAuthority.make()
    const client = await RawClient.connectTls(port, { ...trust, ...(await pemOf(await other.issue('DNS:billing'))) })
    const { message } = await client.expectClosed('AuthRejected')
    expect(message).toBe('a client certificate is not accepted: UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test('that have expired are refused', async () => {
    const { port, trust, authority } = await startSecured(optional)
    const pem = await pemOf(await authority.issueExpired('DNS:billing'))
    const client = await RawClient.connectTls(port, { ...trust, ...pem })
    expect((await client.expectClosed('AuthRejected')).message).toContain('CERT_HAS_EXPIRED')
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'are still missed in a session that is resumed, by %s',
    async (version) => {
      const { port, trust, server } = await startSecured(required)
      const how = { ...trust, maxVersion: version }
      const first = await RawClient.connectTls(port, how)
      const session = await sessionOf(first)
      const again = await RawClient.connectTls(port, { ...how, session })
      await again.expectClosed('AuthRejected')
      expect(server.tlsCounters).toMatchObject({ certificatesRefused: 2 })
    },
  )

  test('are shown once: no client begins another handshake on its connection', async () => {
    const { port, trust, authority } = await startSecured(optional)
    const pem = await pemOf(await authority.issue('DNS:billing'))
    const { socket } = await RawClient.greeted(port, { ...trust, ...pem, maxVersion: 'TLSv1.2' })
    const answer = new Promise<Error | null>((resolve) => void (socket as TLSSocket).renegotiate({}, resolve))
    expect((await Promise.race([answer, once(socket, 'error').then(([error]) => error as Error)]))?.message).toContain(
      'no renegotiation',
    )
  })

  test('are still known in a session that is resumed', async () => {
    const { port, trust, authority, server } = await startSecured(required)
    const how = { ...trust, ...(await pemOf(await authority.issue('DNS:billing'))) }
    const session = await sessionOf(await RawClient.connectTls(port, how))
    expect(await certificateSeenBy(await RawClient.greeted(port, { ...how, session }))).toBe('DNS:billing')
    expect(server.tlsCounters).toMatchObject({ secured: 2, resumed: 1, certificatesRefused: 0 })
  })

  test('are still refused in a session that is resumed', async () => {
    const { port, trust, authority, server } = await startSecured(required)
    const how = { ...trust, ...(await pemOf(await authority.issueExpired('DNS:billing'))) }
    const session = await sessionOf(await RawClient.connectTls(port, how))
    await (await RawClient.connectTls(port, { ...how, session })).expectClosed('AuthRejected')
    expect(server.tlsCounters).toMatchObject({ secured: 2, resumed: 1, certificatesRefused: 2 })
  })
})

describe.skipIf(isOpensslMissing)('other keys and certificates', () => {
  test('are for connections to come, and those that are there live on', async () => {
    const { port, trust, server } = await startSecured()
    const before = await RawClient.greeted(port, trust)
    const next = await CertificateAuthority.make()
    server.useTls(await pemOf(await next.issue('IP:127.0.0.1')))
    await before.expectNothing()
    await RawClient.greeted(port, { ca: await next.ca() })
    expect(await codeOf(RawClient.connectTls(port, trust))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    await before.expectNothing()
  })

  test('that cannot be used change nothing', async () => {
    const { port, trust, server } = await startSecured()
    expect(() => server.useTls({ cert: 'no certificate', key: 'no key' })).toThrow('PEM')
    await RawClient.greeted(port, trust)
  })

  test('end no session of TLS that was promised, but resume none of before', async () => {
    const { port, trust, server, authority } = await startSecured()
    const first = await RawClient.connectTls(port, trust)
    const session = await sessionOf(first)
    server.useTls(await pemOf(await authority.issue('IP:127.0.0.1')))
    const again = await RawClient.greeted(port, { ...trust, session })
    expect((again.socket as TLSSocket).isSessionReused()).toBe(false)
  })

  test('that are none cut who is at the handshake', async () => {
    const harness = await startSecured()
    const [stuck, silent] = [await stuckAt(harness), await silentlyConnected(harness.port)]
    await expect.poll(() => harness.server.connectionCount).toBe(2)
    harness.server.useTls(undefined)
    await Promise.all([stuck, silent].map((socket) => gone(socket.resume())))
    expect(harness.server.connectionCount).toBe(0)
    expect(harness.server.tlsCounters.underWay).toBe(0)
  })

  test('can be none', async () => {
    const { port, trust, server } = await startSecured()
    const before = await RawClient.greeted(port, trust)
    server.useTls(undefined)
    await RawClient.greeted(port)
    await before.expectNothing()
  })
})

/** The first bytes of a client that wants TLS. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  const [socket] = (await once(listener, 'connection')) as [Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  listener.close()
  return bytes
}
