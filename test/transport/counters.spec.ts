/** What the transport counts, beyond what `test/metrics/story.spec.ts` sees. */
import { Controller } from '@nestjs/common'
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices'
import { expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { startTransport } from '../support/transport-harness.js'

async function start(limits: Partial<TransportLimits> = {}) {
  const waiting: ((value?: unknown) => void)[] = []
  @Controller()
  class SlowController {
    @MessagePattern('wait')
    wait(): Promise<unknown> {
      return new Promise((resolve) => waiting.push(resolve))
    }
    @MessagePattern('fail')
    fail(): never {
      throw new Error('a bug')
    }
    @EventPattern('happened')
    happened(@Payload() _data: unknown): void {}
  }
  const harness = await startTransport({ limits, module: { controllers: [SlowController] } })
  return { ...harness, waiting }
}

const request = (pattern: string, correlation: number, deadlineMs?: number): Packet => ({
  kind: 'request',
  correlation,
  priority: 0,
  deadlineMs,
  metadata: undefined,
  pattern,
  body: encodeBody(0),
})

test('a connection with as many requests in flight as it may have is held until half are answered', async () => {
  const { server, greeted, waiting } = await start({ maxInFlightRequests: 2 })
  const client = await greeted()
  client.send(...[1, 2, 3].map((correlation) => request('wait', correlation)))
  await expect.poll(() => waiting.length).toBe(2)
  expect([server.counters.held, server.requests.inFlight]).toEqual([1, 2])
  for (const answer of waiting.splice(0)) answer()
  for (const _ of [1, 2]) await client.expect('reply')
  // The third, which was held.
  await expect.poll(() => [server.counters.held, server.requests.inFlight, waiting.length]).toEqual([0, 1, 1])
  client.reset()
  await expect.poll(() => [server.connectionCount, server.requests.inFlight]).toEqual([0, 0])
})

test('a call whose CANCEL is read when its answer has made room for that is over once', async () => {
  const { server, greeted, waiting, changeLimits } = await start({ maxInFlightRequests: 1 })
  const client = await greeted()
  client.send(request('wait', 1), { kind: 'cancel', correlation: 1 })
  await expect.poll(() => [waiting.length, server.counters.held]).toEqual([1, 1])
  changeLimits({ maxInFlightRequests: 100 })
  // So large that it leaves at once, and reading goes on before the call has heard that it is answered.
  waiting[0]?.(Buffer.alloc(16 * 1024))
  await client.find(({ kind }) => kind === 'reply')
  expect([server.counters.held, server.requests.inFlight]).toEqual([0, 0])
})

test('a connection that ends while it is held is held no more', async () => {
  const { server, greeted, waiting } = await start({ maxInFlightRequests: 1 })
  const client = await greeted()
  client.send(request('wait', 1), request('wait', 2))
  await expect.poll(() => [waiting.length, server.counters.held]).toEqual([1, 1])
  client.reset()
  await expect.poll(() => [server.connectionCount, server.counters.held]).toEqual([0, 0])
})

test('requests count by pattern until they end, events and refusals too', async () => {
  const { server, greeted, clock, waiting } = await start()
  const client = await greeted()
  client.send(request('wait', 1, 1_000), request('fail', 2))
  expect((await client.expect('error')).code).toBe(ErrorCode.Application)
  await expect.poll(() => waiting.length).toBe(1)
  clock.advance(2_000)
  expect((await client.expect('error')).code).toBe(ErrorCode.DeadlineExceeded)
  const body = encodeBody(0)
  client.send({ kind: 'event', priority: 0, metadata: undefined, pattern: 'happened', body })
  client.send({ ...request('wait', 4), body: Buffer.of(0xc1) } as Packet)
  expect((await client.expect('error')).code).toBe(ErrorCode.BadBody)
  const figures = Array.from(server.requests, ([pattern, { count, seconds, errors }]) => [
    pattern,
    count,
    seconds.count,
    ...errors,
  ])
  expect(figures.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
    ['fail', 1, 1, [ErrorCode.Application, 1]],
    ['happened', 1, 0],
    ['other', 0, 0],
    ['wait', 2, 1, [ErrorCode.DeadlineExceeded, 1], [ErrorCode.BadBody, 1]],
  ])
})

test('a drain counts who it began with, what it refused, and whose requests took too long', async () => {
  const { server, greeted, clock, waiting } = await start({ drainTimeoutMs: 6_000, closeLingerMs: 1_000 })
  const [busy, idle] = [await greeted(), await greeted()]
  busy.send(request('wait', 1))
  await expect.poll(() => waiting.length).toBe(1)
  expect(server.counters.drainedConnections).toBeUndefined()
  const closing = server.close()
  await busy.expect('goAway')
  busy.send(request('wait', 2))
  expect((await busy.expect('error')).code).toBe(ErrorCode.Draining)
  clock.advance(5_100)
  await busy.expectClosed('ShuttingDown')
  for (const client of [busy, idle]) client.end()
  await closing
  const { drainedConnections, cutInDrain } = server.counters
  expect([drainedConnections, cutInDrain, ...server.requests.other.errors]).toEqual([2, 1, [ErrorCode.Draining, 1]])
})
