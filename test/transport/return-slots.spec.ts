/** GOAWAY: when each client is to come back. */
import { Controller } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'
import { NEVER } from 'rxjs'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import type { RawClient } from '../support/raw-client.js'
import { startTransport, type TransportHarness } from '../support/transport-harness.js'

let started = 0
@Controller()
class EndlessController {
  @MessagePattern('endless')
  endless(): typeof NEVER {
    started += 1
    return NEVER
  }
}

async function crowdOf(count: number, drainTimeoutMs: number): Promise<TransportHarness & { clients: RawClient[] }> {
  const limits = { drainTimeoutMs, closeLingerMs: 1 }
  const harness = await startTransport({ module: { controllers: [EndlessController] }, limits })
  const clients: RawClient[] = []
  while (clients.length < count) clients.push(await harness.greeted())
  return { ...harness, clients }
}

/** Of GOAWAY, in the order in which the clients came. */
async function slotsOf(clients: readonly RawClient[]): Promise<number[]> {
  const slots: number[] = []
  for (const client of clients) slots.push((await client.expect('goAway')).slotMs)
  return slots
}

test('gives each connection a slot of its own, a millisecond apart', async () => {
  const { server, clients } = await crowdOf(5, 25_000)
  void server.close()
  expect(await slotsOf(clients)).toEqual([0, 1, 2, 3, 4])
})

test('spreads the slots over no more than the drain time', async () => {
  const { server, clients } = await crowdOf(6, 3)
  void server.close()
  expect(await slotsOf(clients)).toEqual([0, 0, 1, 1, 2, 2])
})

test('closes who still waits at the deadline with its own slot', async () => {
  const { server, clients, clock } = await crowdOf(3, 6_000)
  started = 0
  const call = { kind: 'request', correlation: 1, priority: 0, deadlineMs: undefined, metadata: undefined } as const
  for (const client of clients) client.send({ ...call, pattern: 'endless', body: encodeBody(0) })
  await expect.poll(() => started).toBe(3)
  void server.close()
  expect(await slotsOf(clients)).toEqual([0, 1, 2])
  clock.advance(6_000)
  const retries: number[] = []
  for (const client of clients) retries.push((await client.expectClosed('ShuttingDown')).retryAfterMs)
  expect(retries).toEqual([0, 1, 2])
})
