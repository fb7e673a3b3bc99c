import { expect, test } from 'vitest'
import { RawClient, hello } from '../support/raw-client.js'
import { startTransport } from '../support/transport-harness.js'

const MAX_READING = 64
const TURN_MS = 20

async function crowd(port: number, size: number): Promise<RawClient[]> {
  const clients: RawClient[] = []
  while (clients.length < size) clients.push(await RawClient.connect(port))
  return clients
}

test('reads the last arrival that may be silent, and keeps one more waiting', async () => {
  const { port } = await startTransport({ module: {} })
  const silent = await crowd(port, MAX_READING - 1)
  const greeted = await RawClient.greeted(port)
  silent.push(await RawClient.connect(port))
  const oneMore = await RawClient.connect(port)
  oneMore.send(hello())
  await greeted.expectNothing()
  expect(oneMore.inbox).toEqual([])
  silent[0]?.send(hello())
  await silent[0]?.expect('welcome')
  await oneMore.expect('welcome')
})

test('lets those that wait in when silent arrivals leave', async () => {
  const { port } = await startTransport({ module: {} })
  const [first] = await crowd(port, MAX_READING)
  const waiting = await RawClient.connect(port)
  waiting.send(hello())
  first?.reset()
  await waiting.expect('welcome')
})

test('gives the silent another turn after those that came behind them', async () => {
  const { port, clock } = await startTransport({ module: {} })
  const silent = await crowd(port, MAX_READING)
  const behind = await RawClient.connect(port)
  behind.send(hello())
  await expect.poll(() => clock.timers).toBe(2)
  clock.advance(TURN_MS)
  await behind.expect('welcome')
  for (const client of silent) client.send(hello())
  for (const client of silent) await client.expect('welcome')
  await expect.poll(() => clock.timers).toBe(1)
})
