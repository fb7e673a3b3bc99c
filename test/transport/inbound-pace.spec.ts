import { expect, test } from 'vitest'
import { HEADER_BYTES } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { Principal, Role } from '../../src/transport/authentication.js'
import { InboundPace } from '../../src/transport/inbound-pace.js'
import type { TransportLimits } from '../../src/transport/transport-limits.js'
import { userId } from '../delivery/names.js'
import { auth } from '../support/chat-user.js'
import { startTransport, type TransportHarness } from '../support/transport-harness.js'

/** Between two looks at who waits. */
const TICK_MS = 250
const MODULE = {}

const ping = (correlation: number): Packet => ({ kind: 'ping', correlation })
const PING_BYTES = encodePacket(ping(1)).length

/** Somebody of that role is logged in, and nothing of it counts any more. */
async function startPaced(limits: Partial<TransportLimits>, role: Role = 'user') {
  const principal: Principal = { user: userId('alice'), username: 'alice', role, expiresAtMs: Infinity }
  const authentication = { authenticate: () => Promise.resolve(principal) }
  const harness = await startTransport({ authentication, limits, module: MODULE })
  const pinger = await startPinger(harness)
  await pinger.client.ask(auth('any', 1), 'authOk')
  harness.clock.advance(1_000)
  return pinger
}

/** Somebody past HELLO who sends numbered PINGs. */
async function startPinger({ server, clock, greeted }: TransportHarness) {
  const client = await greeted()
  let sent = 0
  const pings = (count: number): void => client.send(...Array.from({ length: count }, () => ping((sent += 1))))
  const isRead = async (last: number, isHeld: boolean): Promise<void> => {
    await client.find((packet) => packet.kind === 'pong' && packet.correlation === last)
    await expect.poll(() => [...server.connections].map(({ figures }) => figures.isHeld)).toEqual([isHeld])
    expect(client.inbox).not.toContainEqual({ kind: 'pong', correlation: last + 1 })
  }
  return {
    client,
    counters: server.counters,
    pings,
    tick: () => clock.advance(TICK_MS),
    isReadUpTo: (last: number) => isRead(last, false),
    isHeldAfter: (last: number) => isRead(last, true),
  }
}

test('a second of frames may come at once, the next waits until there is room', async () => {
  const { pings, isHeldAfter, isReadUpTo, tick, counters } = await startPaced({ inboundFramesPerSecond: 100 })
  pings(99)
  await isReadUpTo(99)
  expect(counters.paced).toBe(0)
  pings(3)
  await isHeldAfter(100)
  expect(counters.paced).toBe(1)
  tick()
  await isReadUpTo(102)
})

test('frames come through as fast as they may, and none is lost', async () => {
  const { pings, isHeldAfter, tick } = await startPaced({ inboundFramesPerSecond: 100 })
  pings(300)
  for (let readUntil = 100; readUntil < 300; readUntil += 25) {
    await isHeldAfter(readUntil)
    tick()
  }
  await isHeldAfter(300)
})

test('bytes count as frames do, headers included', async () => {
  const inboundBytesPerSecond = 64 * 1024
  const { pings, isHeldAfter, isReadUpTo, tick } = await startPaced({ inboundBytesPerSecond })
  const full = Math.ceil(inboundBytesPerSecond / PING_BYTES)
  pings(full - 1)
  await isReadUpTo(full - 1)
  pings(2)
  await isHeldAfter(full)
  tick()
  await isReadUpTo(full + 1)
})

test('who is held for its pace is neither idle nor late with a frame', async () => {
  const timeouts = { idleTimeoutMs: 600, pingIntervalMs: 500, halfFrameTimeoutMs: 600 }
  const { client, pings, isHeldAfter, isReadUpTo, tick } = await startPaced({
    inboundFramesPerSecond: 100,
    ...timeouts,
  })
  pings(800)
  const unfinished = encodePacket(ping(801))
  client.sendBytes(unfinished.subarray(0, HEADER_BYTES + 1))
  for (let readUntil = 100; readUntil < 800; readUntil += 25) {
    await isHeldAfter(readUntil)
    tick()
  }
  await isHeldAfter(800)
  client.sendBytes(unfinished.subarray(HEADER_BYTES + 1))
  tick()
  await isReadUpTo(801)
})

test.each(['service', 'admin'] as const)('a %s is read as fast as it sends', async (role) => {
  const { pings, isReadUpTo } = await startPaced({ inboundFramesPerSecond: 100 }, role)
  pings(1_000)
  await isReadUpTo(1_000)
})

test('without authentication whoever connects is read as fast as it sends', async () => {
  const { pings, isReadUpTo } = await startPinger(
    await startTransport({ limits: { inboundFramesPerSecond: 100 }, module: MODULE }),
  )
  pings(1_000)
  await isReadUpTo(1_000)
})

test('what comes before a login counts, too', async () => {
  const authentication = { authenticate: () => Promise.reject(new Error('nobody')) }
  const limits = { inboundFramesPerSecond: 100 }
  const { pings, isHeldAfter } = await startPinger(await startTransport({ authentication, limits, module: MODULE }))
  pings(200)
  // HELLO was the first.
  await isHeldAfter(99)
})

test('a frame above a whole second of bytes is paid for afterwards', () => {
  const limits = { inboundFramesPerSecond: 100, inboundBytesPerSecond: 1_000 }
  const pace = new InboundPace(0)
  pace.count(3_000)
  expect(pace.isExceeded(limits, 0)).toBe(true)
  expect(pace.fullUntilMs(limits)).toBe(2_001)
  expect(pace.isExceeded(limits, 2_000)).toBe(true)
  expect(pace.isExceeded(limits, 2_001)).toBe(false)
  expect(pace.fullUntilMs(limits)).toBe(Infinity)
})
