/** POSITION: the client tells how much it has read, where the server wants to know. */
import { expect, test } from 'vitest'
import { systemClock, type Clock } from '../../src/clock.js'
import { ClientConnection } from '../../src/client/client-connection.js'
import { encodeBody } from '../../src/protocol/body.js'
import { Feature } from '../../src/protocol/constants.js'
import type { Packet } from '../../src/protocol/packets.js'
import { ManualClock } from '../support/manual-clock.js'
import { ScriptedServer, welcome, type ServedConnection } from './scripted-server.js'

/** An event whose frame has exactly `frameBytes`. */
const eventOf = (frameBytes: number): Packet => ({
  kind: 'event',
  priority: 0,
  metadata: undefined,
  pattern: 'e',
  body: encodeBody(Buffer.alloc(frameBytes - 28)),
})
const WELCOME_BYTES = 35

async function connected(
  features: number,
  clock: Clock = systemClock,
): Promise<{ client: ClientConnection; served: ServedConnection }> {
  const server = await ScriptedServer.start()
  const opening = ClientConnection.open({ port: server.port, clock })
  const served = await server.accept()
  await served.expect('hello')
  served.send(welcome({ features, authentication: 'none' }))
  return { client: await opening, served }
}

test('confirms every 64 KiB of what it has read, and not a byte earlier', async () => {
  const { client, served } = await connected(Feature.Positions)
  const firstBytes = 65_535 - client.socket.bytesRead
  served.send(eventOf(40_000), eventOf(firstBytes - 40_000))
  await expect.poll(() => client.socket.bytesRead).toBe(65_535)
  expect(served.inbox).toEqual([])
  served.send({ kind: 'ticket', expiresAtMs: 0, ticket: Buffer.alloc(0) })
  const position = await served.expect('position')
  expect(position.receivedBytes).toBe(client.socket.bytesRead)
  await client.close()
})

test.each([
  [1_023, 5_000, ['pong', 'position']],
  [1_024, 4_999, ['pong', 'position']],
  [1_024, 5_000, ['position', 'pong', 'position']],
] as const)('a slow reader of %i bytes in %i ms, pinged, says %j', async (bytes, ms, said) => {
  const clock = new ManualClock()
  const { client, served } = await connected(Feature.Positions, clock)
  served.send({ kind: 'ping', correlation: 9 })
  await served.expect('pong')
  const { receivedBytes } = await served.expect('position')
  clock.advance(ms)
  served.send(eventOf(bytes))
  await expect.poll(() => client.socket.bytesRead).toBe(receivedBytes + bytes)
  served.send({ kind: 'ping', correlation: 10 })
  for (const kind of said) await served.expect(kind)
  await client.close()
})

test('confirms with each PONG', async () => {
  const { client, served } = await connected(Feature.Positions)
  served.send({ kind: 'ping', correlation: 9 })
  await served.expect('pong')
  const { receivedBytes } = await served.expect('position')
  expect(receivedBytes).toBe(WELCOME_BYTES + 22)
  await client.close()
})

test('says nothing to a server that does not want to know', async () => {
  const { client, served } = await connected(0)
  served.send(eventOf(60_000), eventOf(60_000))
  await served.expectNothing()
  await client.close()
})
