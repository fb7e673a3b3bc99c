/** A client that says nothing because it has so much to read first, most of which the kernel holds. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { expect, test, vi } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import type { Packet } from '../../src/protocol/packets.js'
import { unacknowledgedBytes } from '../../src/transport/kernel-queue.js'
import { hello, type RawClient } from '../support/raw-client.js'
import { startTransport } from '../support/transport-harness.js'

/** The kernel is asked often, and while it has many sockets it answers once a second. */
vi.setConfig({ testTimeout: 90_000 })

const IDLE_MS = 3_000
const LOOK_MS = 1_000
const REPLIES = 55
const REPLY_BYTES = 60_000

@Controller()
class LibraryController {
  @MessagePattern('book')
  book(): Buffer {
    return Buffer.alloc(REPLY_BYTES)
  }
}

const request = (correlation: number): Packet => ({
  kind: 'request',
  correlation,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern: 'book',
  body: encodeBody(0),
})

/** Everything has left the server, next to nothing has arrived. */
async function withBooksUnderWay() {
  const limits = { pingIntervalMs: LOOK_MS, idleTimeoutMs: IDLE_MS, writeStallTimeoutMs: 4 * LOOK_MS }
  const harness = await startTransport({ limits, module: { controllers: [LibraryController] } })
  const arriving = once(harness.server.unwrap(), 'connection') as Promise<[Socket]>
  const client = await harness.greeted()
  const [socket] = await arriving
  client.stopReading()
  client.send(...Array.from({ length: REPLIES }, (_, index) => request(index + 1)))
  await expect.poll(() => socket.bytesWritten).toBeGreaterThan(REPLIES * REPLY_BYTES)
  await expect.poll(() => socket.writableLength).toBe(0)
  const passIdleTime = async (): Promise<void> => {
    for (let passedMs = 0; passedMs <= IDLE_MS; passedMs += LOOK_MS) {
      harness.clock.advance(LOOK_MS)
      await unacknowledgedBytes(socket)
    }
  }
  return { client, socket, passIdleTime }
}

const SHELF = 400
const SHELF_OUTBOX_BYTES = 200_000

/** Asks for so much that the server stops reading it; it confirms, which the server does not hear. */
test('is no slow consumer while it confirms to a server that does not read', async () => {
  const limits = { maxOutboxBytes: SHELF_OUTBOX_BYTES, writeStallTimeoutMs: 4 * LOOK_MS, idleTimeoutMs: 3_600_000 }
  const harness = await startTransport({ limits, module: { controllers: [LibraryController] } })
  const arriving = once(harness.server.unwrap(), 'connection') as Promise<[Socket]>
  const client = await harness.connect()
  const [socket] = await arriving
  await client.ask(hello({ features: Feature.Positions }), 'welcome')
  client.stopReading()
  client.send(...Array.from({ length: SHELF }, (_, index) => request(index + 1)))
  client.send({ kind: 'ping', correlation: 9 })
  await expect.poll(() => socket.isPaused()).toBe(true)
  for (let looks = 0; looks < 20; looks += 1) {
    await take(client, 500_000)
    client.send({ kind: 'position', receivedBytes: client.socket.bytesRead, positions: [] })
    harness.clock.advance(LOOK_MS)
    await unacknowledgedBytes(socket)
    expect(socket.writableEnded).toBe(false)
  }
  client.startReading()
  for (let replies = 0; replies < SHELF; replies += 1) await client.find(({ kind }) => kind === 'reply')
})

async function take(client: RawClient, bytes: number): Promise<void> {
  const { socket } = client
  const goal = socket.bytesRead + bytes
  while (socket.bytesRead < goal) {
    socket.read()
    await new Promise(setImmediate)
  }
}

test('is not idle as long as it reads', async () => {
  const { client, socket, passIdleTime } = await withBooksUnderWay()
  for (let times = 0; times < 2; times += 1) {
    await passIdleTime()
    await take(client, 400_000)
  }
  expect(socket.writableEnded).toBe(false)
  client.startReading()
  for (let replies = 0; replies < REPLIES; replies += 1) await client.find(({ kind }) => kind === 'reply')
  await client.find(({ kind }) => kind === 'ping')
})

test('is idle when it has stopped', async () => {
  const { client, socket, passIdleTime } = await withBooksUnderWay()
  await passIdleTime()
  await take(client, 400_000)
  // The kernels may still settle what was taken, in a step or two.
  for (let times = 0; times < 6 && !socket.writableEnded; times += 1) await passIdleTime()
  await expect.poll(() => socket.writableEnded).toBe(true)
  client.startReading()
  await client.expectClosedAtLast('IdleTimeout')
})

test('is idle when it has read it all, and does not answer', async () => {
  const { client, socket, passIdleTime } = await withBooksUnderWay()
  client.startReading()
  for (let replies = 0; replies < REPLIES; replies += 1) await client.find(({ kind }) => kind === 'reply')
  await passIdleTime()
  await expect.poll(() => socket.writableEnded).toBe(true)
  await client.expectClosedAtLast('IdleTimeout')
})
