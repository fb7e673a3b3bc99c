/** What holds for plain sockets holds for connections by TLS, too: a few stories of each kind, by both versions. */
import { once } from 'node:events'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Controller } from '@nestjs/common'
import { Ctx, MessagePattern } from '@nestjs/microservices'
import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import type { Packet } from '../../src/protocol/packets.js'
import { unacknowledgedBytes } from '../../src/transport/kernel-queue.js'
import type { ConnectionHandle } from '../../src/transport/connection-handle.js'
import { NestwireContext } from '../../src/transport/nestwire.context.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { CertificateAuthority, isOpensslMissing, pemOf } from '../support/certificate-authority.js'
import { RawClient } from '../support/raw-client.js'
import { startTransport } from '../support/transport-harness.js'

/** What a connection knows beside what applications may ask. */
interface Queueing {
  readonly queuedBytes: number
}

const request = (pattern: string, correlation: number): Packet => ({
  kind: 'request',
  correlation,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern,
  body: encodeBody(0),
})

describe.skipIf(isOpensslMissing).each(['TLSv1.2', 'TLSv1.3'] as const)('by %s', (version) => {
  async function start(limits: Partial<TransportLimits> = {}) {
    const waiting: (() => void)[] = []
    const connections: Queueing[] = []
    @Controller()
    class SlowController {
      @MessagePattern('wait')
      wait(): Promise<string> {
        return new Promise((resolve) => waiting.push(() => resolve('open')))
      }
      @MessagePattern('big')
      big(@Ctx() context: NestwireContext): Buffer {
        connections[0] ??= context.getConnection() as ConnectionHandle & Queueing
        return Buffer.alloc(60_000)
      }
    }
    const authority = await CertificateAuthority.make()
    const pem = await pemOf(await authority.issue('IP:127.0.0.1'))
    const harness = await startTransport({
      limits,
      tlsOptions: pem,
      module: { controllers: [SlowController] },
    })
    const ca = await authority.ca()
    const greeted = (): Promise<RawClient> =>
      RawClient.greeted(harness.port, { ca, minVersion: version, maxVersion: version })
    return { ...harness, ca, greeted, waiting, connections }
  }

  test('a client that ends its side still gets its answer, CLOSE and the end', async () => {
    const { greeted, waiting, server } = await start()
    const client = await greeted()
    client.send(request('wait', 3))
    client.end()
    await expect.poll(() => waiting.length).toBe(1)
    waiting[0]?.()
    expect((await client.expect('reply')).correlation).toBe(3)
    await client.expectClosed('Normal')
    await expect.poll(() => server.connectionCount).toBe(0)
  })

  test('a frame above the limit is refused at its header, and CLOSE comes before the end', async () => {
    const { greeted } = await start()
    const client = await greeted()
    client.sendBytes('deadbeef 00000001 00000002 7fffffff')
    client.sendBytes(Buffer.alloc(200_000))
    await client.expectClosed('FrameTooLarge')
  })

  test('a frame that is not finished is refused at its deadline', async () => {
    const { greeted, clock } = await start({ halfFrameTimeoutMs: 2_000 })
    const client = await greeted()
    client.sendBytes('deadbeef 00000001')
    await client.expectStillConnected()
    clock.advance(2_500)
    await client.expectClosed('HalfFrameTimeout')
  })

  test('a reset frees the connection at once', async () => {
    const { port, ca, server } = await start()
    const raw = connectPlain(port, '127.0.0.1')
    const socket = connectTls({ socket: raw, host: '127.0.0.1', ca, maxVersion: version })
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    await expect.poll(() => server.tlsCounters.secured).toBe(1)
    raw.resetAndDestroy()
    await expect.poll(() => server.connectionCount).toBe(0)
  })

  test('a client that does not hang up is cut after the linger time', async () => {
    const { greeted, server, clock } = await start({ closeLingerMs: 1_000 })
    const client = await greeted()
    client.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' })
    await client.expectClosed('Normal')
    expect(server.connectionCount).toBe(1)
    clock.advance(1_500)
    await expect.poll(() => server.connectionCount).toBe(0)
  })

  test('a drain lets requests in flight end, and says CLOSE', async () => {
    const { greeted, waiting, server } = await start()
    const client = await greeted()
    client.send(request('wait', 4))
    await expect.poll(() => waiting.length).toBe(1)
    const closed = server.close()
    await client.expect('goAway')
    waiting[0]?.()
    await client.expect('reply')
    await client.expectClosed('ShuttingDown')
    client.end()
    await closed
  })

  test('who does not read is not read either, and what waits for it is bounded and known', async () => {
    const { greeted, connections } = await start({ maxOutboxBytes: 256 * 1024 })
    const client = await greeted()
    client.stopReading()
    client.socket.setNoDelay(true)
    const queuedBytes = (): number => connections[0]?.queuedBytes ?? 0
    let sent = 0
    // The system takes some megabytes ahead of the reader.
    while (queuedBytes() <= 128 * 1024 && sent < 1_000) {
      sent += 1
      client.send(request('big', sent))
      await client.expectStillConnected()
    }
    expect(queuedBytes()).toBeGreaterThan(128 * 1024)
    for (let more = 0; more < 50; more += 1) client.send(request('big', sent + more + 1))
    await client.expectStillConnected()
    expect(queuedBytes()).toBeLessThan(1024 * 1024)
    client.startReading()
    for (let correlation = 1; correlation <= sent + 50; correlation += 1) {
      expect((await client.expect('reply')).correlation).toBe(correlation)
    }
  })

  test('a frozen reader is closed at the stall deadline, the kernel being asked', async () => {
    const { greeted, connections, clock, server } = await start({ writeStallTimeoutMs: 4_000 })
    const client = await greeted()
    client.stopReading()
    for (let sent = 1; (connections[0]?.queuedBytes ?? 0) <= 128 * 1024 && sent < 1_000; sent += 1) {
      client.send(request('big', sent))
      await client.expectStillConnected()
    }
    await expect
      .poll(() => {
        clock.advance(1_000)
        return server.connectionCount
      })
      .toBe(0)
  })

  test('the kernel tells what it holds for a client that does not read', async () => {
    const { greeted, server, connections } = await start()
    const sockets: Socket[] = []
    server.on('connection', (socket) => void sockets.push(socket))
    const client = await greeted()
    client.stopReading()
    for (let sent = 1; (connections[0]?.queuedBytes ?? 0) <= 128 * 1024 && sent < 1_000; sent += 1) {
      client.send(request('big', sent))
      await client.expectStillConnected()
    }
    const [socket] = sockets
    expect(socket === undefined ? 0 : await unacknowledgedBytes(socket)).toBeGreaterThan(100_000)
  })
})
