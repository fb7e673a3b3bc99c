/** Who reads what it is sent is no slow consumer, whatever lies in its socket when the server looks; and what a server owes that stood still. */
import { Controller } from '@nestjs/common'
import { Ctx, EventPattern } from '@nestjs/microservices'
import { describe, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import { NestwireContext } from '../../src/transport/nestwire.context.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { CertificateAuthority, isOpensslMissing, pemOf } from '../support/certificate-authority.js'
import { hello, RawClient } from '../support/raw-client.js'
import { startTransport } from '../support/transport-harness.js'

const LOOK_MS = 1_000
const STALL_MS = 4 * LOOK_MS
const HALF_FRAME_MS = 2_000
const LIMITS: Partial<TransportLimits> = {
  halfFrameTimeoutMs: HALF_FRAME_MS,
  writeStallTimeoutMs: STALL_MS,
  pingIntervalMs: 600_000,
  idleTimeoutMs: 1_200_000,
}

const event = (pattern: string, bytes = 0): Packet => ({
  kind: 'event',
  priority: 0,
  metadata: undefined,
  pattern,
  body: encodeBody(Buffer.alloc(bytes)),
})
const NEWS = encodePacket(event('news', 40))

const confirm = (client: RawClient): void =>
  client.send({ kind: 'position', receivedBytes: client.socket.bytesRead, positions: [] })

describe.skipIf(isOpensslMissing)('over TLS', () => {
  test('is no slow consumer who confirms each small frame, although one is in its socket at each look', async () => {
    @Controller()
    class NewsController {
      /** A look in the turn in which the frame is written: TLS lets go of it in the next. */
      @EventPattern('tell')
      tell(@Ctx() context: NestwireContext): void {
        context.getConnection().deliver(NEWS)
        setImmediate(() => clock.advance(LOOK_MS))
      }
    }
    const authority = await CertificateAuthority.make()
    const tlsOptions = await pemOf(await authority.issue('IP:127.0.0.1'))
    const { port, clock } = await startTransport({
      limits: LIMITS,
      tlsOptions,
      module: { controllers: [NewsController] },
    })
    const client = await RawClient.connectTls(port, { ca: await authority.ca() })
    await client.ask(hello({ features: Feature.Positions }), 'welcome')
    for (let looks = 0; looks < 10; looks += 1) {
      client.send(event('tell'))
      await client.find(({ kind }) => kind === 'event')
      confirm(client)
    }
    await client.settled()
  })
})

describe('behind a server that stands still', () => {
  /** Its window is full, and it has read all of it. */
  async function startWithFullWindow() {
    @Controller()
    class NewsController {
      @EventPattern('tell')
      tell(@Ctx() context: NestwireContext): void {
        const connection = context.getConnection()
        while (connection.deliver(NEWS) === 'queued');
      }
    }
    const limits = { ...LIMITS, confirmWindowBytes: 10_000 }
    const harness = await startTransport({ limits, module: { controllers: [NewsController] } })
    const client = await harness.connect()
    await client.ask(hello({ features: Feature.Positions }), 'welcome')
    client.send(event('tell'))
    await client.settled()
    harness.clock.advance(LOOK_MS)
    return { ...harness, client }
  }

  test('is no slow consumer whose confirmation lies unread in the socket', async () => {
    const { client, clock } = await startWithFullWindow()
    confirm(client)
    clock.standStill(2 * STALL_MS)
    await client.settled()
  })

  test('is asked by PING first who had no occasion to confirm', async () => {
    const { client, clock } = await startWithFullWindow()
    clock.standStill(2 * STALL_MS)
    await client.settled()
    clock.advance(STALL_MS / 2)
    await client.find(({ kind }) => kind === 'ping')
    confirm(client)
    await client.settled()
    clock.advance(STALL_MS)
    await client.settled()
  })

  test('has finished its frame whose rest lies unread in the socket', async () => {
    const { client, clock } = await startWithFullWindow()
    const ping = encodePacket({ kind: 'ping', correlation: 7 })
    // Else the rest waits in the client until the beginning is acknowledged.
    client.socket.setNoDelay(true)
    client.sendBytes(ping.subarray(0, 5))
    await client.expectStillConnected()
    client.sendBytes(ping.subarray(5))
    clock.standStill(HALF_FRAME_MS + LOOK_MS)
    await client.find((packet) => packet.kind === 'pong' && packet.correlation === 7)
  })

  test('is a slow consumer who stays silent afterwards', async () => {
    const { client, clock } = await startWithFullWindow()
    clock.standStill(2 * STALL_MS)
    await client.settled()
    clock.advance(STALL_MS)
    await client.expectClosedAtLast('SlowConsumer')
  })
})
