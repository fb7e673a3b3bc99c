import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { ConnectionHandle } from '../../src/transport/connection-handle.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { RawClient, hello } from '../support/raw-client.js'
import { startTransport, type TransportHarness } from '../support/transport-harness.js'

/** Handlers that answer when the test says so. */
class Gate {
  readonly waiting: (() => void)[] = []
  started = 0
  wait(): Promise<string> {
    this.started += 1
    return new Promise((resolve) => this.waiting.push(() => resolve('open')))
  }
  /** Answers those that wait longest. */
  open(count = this.waiting.length): void {
    for (const answer of this.waiting.splice(0, count)) answer()
  }
}

const closed: ConnectionHandle[] = []

async function start(limits: Partial<TransportLimits> = {}): Promise<TransportHarness & { gate: Gate }> {
  const gate = new Gate()
  @Controller()
  class GateController {
    @MessagePattern('wait')
    wait(): Promise<string> {
      return gate.wait()
    }
    @MessagePattern('big')
    big(): Buffer {
      return Buffer.alloc(60_000)
    }
  }
  const harness = await startTransport({
    limits,
    module: { controllers: [GateController] },
    observers: [{ connectionClosed: (connection) => void closed.push(connection) }],
  })
  return { ...harness, gate }
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

test('welcomes with the connection id and the limits', async () => {
  const { port } = await start({ maxFrameBytes: 10_000 })
  const client = await RawClient.connect(port)
  const welcome = await client.ask(hello(), 'welcome')
  expect(welcome).toMatchObject({ version: 1, features: 0, authentication: 'none', limits: { maxFrameBytes: 10_000 } })
  expect(welcome.connection).toMatch(/^[0-9a-f]{8}-\w+$/)
})

test('gives every connection an id of its own', async () => {
  const { port } = await start()
  const ids = new Set<string>()
  for (let n = 0; n < 5; n += 1) ids.add((await (await RawClient.connect(port)).ask(hello(), 'welcome')).connection)
  expect(ids.size).toBe(5)
})

test('accepts the last connection below the limit and refuses the next with a code', async () => {
  const { port } = await start({ maxConnections: 2 })
  const last = [await RawClient.greeted(port), await RawClient.greeted(port)]
  const refused = await RawClient.connect(port)
  const close = await refused.expectClosed('ServerFull')
  expect(close.retryAfterMs).toBeGreaterThan(0)
  for (const client of last) await client.expectNothing()
})

test('accepts again when a connection has gone', async () => {
  const harness = await start({ maxConnections: 1 })
  const first = await harness.greeted()
  first.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' })
  await first.expectClosed('Normal')
  first.socket.end()
  await expect.poll(() => harness.server.connectionCount).toBe(0)
  await harness.greeted()
})

test('closes a connection that never says HELLO at the handshake deadline', async () => {
  const harness = await start({ handshakeTimeoutMs: 3_000 })
  const client = await harness.connect()
  await expect.poll(() => harness.server.connectionCount).toBe(1)
  harness.clock.advance(2_900)
  expect(harness.server.connectionCount).toBe(1)
  expect(client.inbox).toEqual([])
  harness.clock.advance(400)
  await client.expectClosed('HandshakeTimeout')
})

test('closes a frame that is not finished by its deadline', async () => {
  const harness = await start({ halfFrameTimeoutMs: 2_000 })
  const client = await harness.greeted()
  client.sendBytes('deadbeef 00000001')
  await client.expectStillConnected()
  harness.clock.advance(1_900)
  expect(client.inbox).toEqual([])
  harness.clock.advance(500)
  await client.expectClosed('HalfFrameTimeout')
})

test('counts the half-frame deadline from the first byte, however many trickle in', async () => {
  const harness = await start({ halfFrameTimeoutMs: 2_000 })
  const client = await harness.greeted()
  for (const byte of ['de', 'ad', 'be', 'ef']) {
    client.sendBytes(byte)
    await client.expectStillConnected()
    harness.clock.advance(500)
  }
  harness.clock.advance(500)
  await client.expectClosed('HalfFrameTimeout')
})

/** The first bytes of a PING, and the others. */
const PING_HALVES = [
  encodePacket({ kind: 'ping', correlation: 9 }).subarray(0, 10),
  encodePacket({ kind: 'ping', correlation: 9 }).subarray(10),
] as const

test('closes nobody for a frame that was finished while the server did not read', async () => {
  const harness = await start({ halfFrameTimeoutMs: 2_000, maxInFlightRequests: 2 })
  const client = await harness.greeted()
  client.send(request('wait', 1))
  client.sendBytes(PING_HALVES[0])
  await expect.poll(() => harness.gate.started).toBe(1)
  await client.expectStillConnected()
  harness.changeLimits({ maxInFlightRequests: 1 })
  client.sendBytes(PING_HALVES[1])
  await expect.poll(() => harness.server.counters.held).toBe(1)
  harness.gate.open()
  await client.find(({ kind }) => kind === 'pong')
  await client.find(({ kind }) => kind === 'reply')
  harness.clock.advance(10_000)
  await client.find(({ kind }) => kind === 'limits')
  await client.expectNothing()
})

test('counts the half-frame deadline of a frame that began behind others which were not read at once', async () => {
  const harness = await start({ halfFrameTimeoutMs: 2_000, maxInFlightRequests: 1 })
  const client = await harness.greeted()
  client.sendBytes(Buffer.concat([encodePacket(request('wait', 1)), ...PING_HALVES, PING_HALVES[0]]))
  await expect.poll(() => harness.gate.started).toBe(1)
  harness.clock.advance(10_000)
  harness.gate.open()
  await client.find(({ kind }) => kind === 'pong')
  await client.find(({ kind }) => kind === 'reply')
  harness.clock.advance(1_900)
  expect(client.inbox).toEqual([])
  harness.clock.advance(500)
  await client.expectClosed('HalfFrameTimeout')
})

test('pings a silent connection and keeps it when it answers', async () => {
  const harness = await start({ pingIntervalMs: 1_000, idleTimeoutMs: 3_000 })
  const client = await harness.greeted()
  for (let round = 0; round < 5; round += 1) {
    harness.clock.advance(1_250)
    const ping = await client.expect('ping')
    client.send({ kind: 'pong', correlation: ping.correlation })
    await client.expectNothing()
  }
})

test('closes a connection that stays silent after the ping', async () => {
  const harness = await start({ pingIntervalMs: 1_000, idleTimeoutMs: 3_000 })
  const client = await harness.greeted()
  harness.clock.advance(1_250)
  await client.expect('ping')
  harness.clock.advance(1_500)
  expect(client.inbox).toEqual([])
  harness.clock.advance(500)
  await client.expectClosed('IdleTimeout')
})

test('handles at most maxInFlightRequests of one connection at a time', async () => {
  const harness = await start({ maxInFlightRequests: 4 })
  const { gate } = harness
  const client = await harness.greeted()
  client.send(...Array.from({ length: 10 }, (_, index) => request('wait', index + 1)))
  await expect.poll(() => gate.started).toBe(4)
  const other = await harness.greeted() // its handshake outlives everything the first could still have started
  await other.expectNothing()
  expect(gate.started).toBe(4)
  gate.open()
  await expect.poll(() => gate.started).toBe(8)
  gate.open()
  await expect.poll(() => gate.started).toBe(10)
  gate.open()
  for (let answered = 0; answered < 10; answered += 1) await client.expect('reply')
})

test('reads on when half of the requests in flight are answered, not before', async () => {
  const harness = await start({ maxInFlightRequests: 4 })
  const { gate } = harness
  const client = await harness.greeted()
  client.send(...Array.from({ length: 8 }, (_, index) => request('wait', index + 1)))
  await expect.poll(() => gate.started).toBe(4)
  gate.open(1)
  await client.expect('reply')
  expect(gate.started).toBe(4)
  gate.open(1)
  await client.expect('reply')
  expect(gate.started).toBe(6)
  gate.open()
})

test('lets no clock run against a connection that we do not read', async () => {
  const harness = await start({ maxInFlightRequests: 1, idleTimeoutMs: 2_000, pingIntervalMs: 1_000 })
  const client = await harness.greeted()
  client.send(request('wait', 1), { kind: 'ping', correlation: 9 })
  await expect.poll(() => harness.gate.started).toBe(1)
  harness.clock.advance(60_000)
  expect(client.inbox).toEqual([])
  harness.gate.open()
  expect((await client.expect('pong')).correlation).toBe(9)
  expect((await client.expect('reply')).correlation).toBe(1)
})

test('closes a connection that takes nothing of what waits for it', async () => {
  const harness = await start({ writeStallTimeoutMs: 4_000, maxOutboxBytes: 100_000, idleTimeoutMs: 1_000_000 })
  const client = await harness.greeted()
  client.stopReading()
  client.send(...Array.from({ length: 1_000 }, (_, index) => request('big', index + 1)))
  // The kernel swallows some megabytes before anything waits in the server.
  const before = closed.length
  const look = (): number => {
    harness.clock.advance(1_000)
    return closed.length
  }
  // The kernel is asked, which may take a second or two while it has many sockets.
  await expect.poll(look, { timeout: 10_000 }).toBe(before + 1)
})

test('tells each observer once of every end', async () => {
  const harness = await start()
  closed.length = 0
  const polite = await harness.greeted()
  const reset = await harness.greeted()
  const rude = await harness.greeted()
  polite.send({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' })
  await polite.expectClosed('Normal')
  polite.end()
  reset.reset()
  rude.sendBytes('00')
  await rude.expectClosed('BadMagic')
  rude.end()
  await expect.poll(() => harness.server.connectionCount).toBe(0)
  expect(closed).toHaveLength(3)
  expect(new Set(closed.map(({ id }) => id)).size).toBe(3)
})

test('cuts a closed connection that does not hang up', async () => {
  const harness = await start({ closeLingerMs: 2_000 })
  const client = await harness.greeted()
  client.sendBytes('00')
  await client.expectClosed('BadMagic')
  expect(harness.server.connectionCount).toBe(1)
  harness.clock.advance(2_500)
  await expect.poll(() => harness.server.connectionCount).toBe(0)
})

test('holds no timer when the last connection has gone', async () => {
  const harness = await start()
  const client = await harness.greeted()
  expect(harness.clock.timers).toBe(1)
  client.reset()
  await expect.poll(() => harness.server.connectionCount).toBe(0)
  expect(harness.clock.timers).toBe(0)
})

test('finishes what is in flight before it closes at shutdown', async () => {
  const harness = await start()
  const [busy, idle] = [await harness.greeted(), await harness.greeted()]
  busy.send(request('wait', 1))
  await expect.poll(() => harness.gate.started).toBe(1)
  const closing = harness.server.close()
  expect(harness.server.isAccepting).toBe(false)
  await idle.expect('goAway')
  await idle.expectClosed('ShuttingDown')
  await busy.expect('goAway')
  expect((await busy.ask(request('wait', 2), 'error')).code).toBe(ErrorCode.Draining)
  harness.gate.open()
  await busy.expect('reply')
  await busy.expectClosed('ShuttingDown')
  busy.end()
  idle.end()
  await closing
})

test('waits for requests at shutdown no longer than the drain deadline less the time to hang up', async () => {
  const harness = await start({ drainTimeoutMs: 6_000, closeLingerMs: 1_000 })
  const client = await harness.greeted()
  client.send(request('wait', 1))
  await expect.poll(() => harness.gate.started).toBe(1)
  const closing = harness.server.close()
  await client.expect('goAway')
  harness.clock.advance(4_900)
  expect(client.inbox).toEqual([])
  harness.clock.advance(200)
  await client.expectClosed('ShuttingDown')
  client.end()
  await closing
})

test('closes once, whoever asks', async () => {
  const { server } = await start()
  expect(server.close()).toBe(server.close())
  await server.close()
})
