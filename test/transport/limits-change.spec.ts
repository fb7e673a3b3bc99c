/** Limits that change under connections that are there already. */
import { Controller } from '@nestjs/common'
import { MessagePattern, Payload } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { startChat } from '../support/chat-harness.js'
import type { RawClient } from '../support/raw-client.js'
import { startTransport } from '../support/transport-harness.js'

@Controller()
class EchoController {
  @MessagePattern('echo')
  echo(@Payload() data: unknown): unknown {
    return data
  }
}

const start = (limits: Partial<TransportLimits> = {}) =>
  startTransport({ limits, module: { controllers: [EchoController] } })

const asks = (correlation: number, bytes: number): Packet => ({
  kind: 'request',
  correlation,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern: 'echo',
  body: encodeBody('x'.repeat(bytes)),
})

const told = async (client: RawClient): Promise<number | undefined> =>
  (await client.expect('limits')).limits.maxFrameBytes

test('LIMITS tells everybody past HELLO, and nobody before it', async () => {
  const { connect, greeted, changeLimits, server } = await start()
  const [silent, ...others] = [await connect(), await greeted(), await greeted()]
  await expect.poll(() => server.connectionCount).toBe(3)
  changeLimits({ maxMessageBytes: 99 })
  for (const client of others) expect((await client.expect('limits')).limits.maxMessageBytes).toBe(99)
  await silent.expectStillConnected()
  expect(silent.inbox).toEqual([])
})

test('LIMITS comes during the handshake, too', async () => {
  const chat = await startChat()
  const client = await chat.greeted()
  const { settings } = chat
  settings.swap({ ...settings.current, transport: { ...settings.current.transport, maxMessageBytes: 99 } })
  expect((await client.expect('limits')).limits.maxMessageBytes).toBe(99)
})

test('a change that clients do not know of is not told', async () => {
  const { greeted, changeLimits } = await start()
  const client = await greeted()
  changeLimits({ maxOutboxBytes: 2_000_000, handshakeTimeoutMs: 1_000 })
  await client.expectNothing()
})

test('LIMITS is on its way before a frame that only it allows', async () => {
  const { greeted, changeLimits } = await start({ maxFrameBytes: 10_000 })
  const client = await greeted()
  client.send(asks(1, 9_000))
  await client.settled()
  client.inbox.length = 0
  changeLimits({ maxFrameBytes: 20_000 })
  client.send(asks(2, 19_000))
  expect(await told(client)).toBe(20_000)
  await client.expect('reply')
})

test('a frame that was under way when the limit fell is taken, the next one is not', async () => {
  const { greeted, changeLimits } = await start({ maxFrameBytes: 20_000 })
  const client = await greeted()
  const large = encodePacket(asks(1, 9_900))
  client.sendBytes(large.subarray(0, 5_000))
  await client.expectStillConnected()
  changeLimits({ maxFrameBytes: 9_000 })
  client.sendBytes(Buffer.concat([large.subarray(5_000), encodePacket(asks(2, 9_800))]))
  expect(await told(client)).toBe(9_000)
  const { correlation } = await client.expect('ping')
  // Too large for the answer, but asked for in time.
  for (const asked of [1, 2]) expect(await client.expect('error')).toMatchObject({ correlation: asked })
  client.send({ kind: 'pong', correlation })
  client.send(asks(3, 9_800))
  await client.expectClosed('FrameTooLarge')
})

test('of two falls the answer to the first allows the frames of between', async () => {
  const { greeted, changeLimits } = await start({ maxFrameBytes: 20_000 })
  const client = await greeted()
  changeLimits({ maxFrameBytes: 10_000 })
  await told(client)
  const first = await client.expect('ping')
  changeLimits({ maxFrameBytes: 5_000 })
  client.send({ kind: 'pong', correlation: first.correlation }, asks(1, 9_000))
  await told(client)
  const second = await client.expect('ping')
  expect(await client.expect('error')).toMatchObject({ correlation: 1 })
  client.send({ kind: 'pong', correlation: second.correlation }, asks(2, 4_900))
  await client.expect('reply')
  client.send(asks(3, 5_000))
  await client.expectClosed('FrameTooLarge')
})

test('a limit that falls and rises again is the last one told', async () => {
  const { greeted, changeLimits } = await start({ maxFrameBytes: 10_000 })
  const client = await greeted()
  changeLimits({ maxFrameBytes: 5_000 })
  changeLimits({ maxFrameBytes: 20_000 })
  expect([await told(client)]).toEqual([5_000])
  const { correlation } = await client.expect('ping')
  expect(await told(client)).toBe(20_000)
  client.send({ kind: 'pong', correlation }, asks(1, 19_000))
  await client.expect('reply')
})

test('a server that was closed hears of no change', async () => {
  const { server, changeLimits, greeted } = await start()
  const client = await greeted()
  const closed = server.close()
  changeLimits({ maxMessageBytes: 99 })
  await client.expect('goAway')
  await client.expectClosed('ShuttingDown')
  client.end()
  await closed
})
