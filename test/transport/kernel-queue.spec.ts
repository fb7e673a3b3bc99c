import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { unacknowledgedBytes } from '../../src/transport/kernel-queue.js'

// The real thing, watched.
vi.mock('node:fs/promises', { spy: true })
const searches = vi.mocked(open)
beforeEach(() => void searches.mockClear())

/** Both ends of a connection; the far one reads nothing yet. */
async function connected(listenOn: string, host: string): Promise<{ near: Socket; far: Socket }> {
  const server = createServer()
  server.listen(0, listenOn)
  await once(server, 'listening')
  const far = connect((server.address() as AddressInfo).port, host)
  far.pause()
  const [near] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return { near, far }
}

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ family }) => family === 'IPv6'),
)
const overIPv4 = { listenOn: '127.0.0.1', host: '127.0.0.1' }
const overIPv6 = [
  { listenOn: '::1', host: '::1' },
  { listenOn: '::', host: '127.0.0.1' },
]
const paths = hasIPv6 ? [overIPv4, ...overIPv6] : [overIPv4]

const SENT_BYTES = 1_000_000

test.each(paths)('counts what the other side has no room for, on $listenOn to $host', async ({ listenOn, host }) => {
  const { near, far } = await connected(listenOn, host)
  expect(await unacknowledgedBytes(near)).toBe(0)
  near.write(Buffer.alloc(SENT_BYTES))
  await expect.poll(() => near.writableLength).toBe(0)
  const held = (await unacknowledgedBytes(near)) ?? 0
  expect(held).toBeGreaterThan(100_000)
  expect(held).toBeLessThanOrEqual(SENT_BYTES)
  far.resume()
  await expect.poll(() => unacknowledgedBytes(near)).toBe(0)
  expect(far.bytesRead).toBe(SENT_BYTES)
})

test('keeps two sockets to the same port apart', async () => {
  const { near, far } = await connected('127.0.0.1', '127.0.0.1')
  const other = connect(near.localPort ?? 0, '127.0.0.1')
  await once(other, 'connect')
  near.write(Buffer.alloc(SENT_BYTES))
  await expect.poll(() => near.writableLength).toBe(0)
  const [busy, idle, farEnd] = await Promise.all([near, other, far].map(unacknowledgedBytes))
  expect(busy).toBeGreaterThan(0)
  expect([idle, farEnd]).toEqual([0, 0])
  other.destroy()
})

test('knows nothing of a socket that is gone', async () => {
  const { near } = await connected('127.0.0.1', '127.0.0.1')
  near.destroy()
  await once(near, 'close')
  expect(await unacknowledgedBytes(near)).toBeUndefined()
})

/** Lines of 150 bytes, of which the kernel gives 4 KiB at a time. */
const PAIRS = 60

test('finds each of many who ask at once, wherever the table was cut, in one search', async () => {
  const { near, far } = await connected('127.0.0.1', '127.0.0.1')
  const others = Array.from({ length: PAIRS }, () => connect(near.localPort ?? 0, '127.0.0.1'))
  onTestFinished(() => others.forEach((socket) => socket.destroy()))
  await Promise.all(others.map((socket) => once(socket, 'connect')))
  near.write(Buffer.alloc(SENT_BYTES))
  await expect.poll(() => near.writableLength).toBe(0)
  const [busy, ...idle] = await Promise.all([near, far, ...others].map(unacknowledgedBytes))
  expect(busy).toBeGreaterThan(0)
  expect(idle).toEqual(idle.map(() => 0))
  expect(searches).toHaveBeenCalledTimes(1)
})

test('answers who asks during a search by the next one', async () => {
  const { near, far } = await connected('127.0.0.1', '127.0.0.1')
  const first = unacknowledgedBytes(near)
  await expect.poll(() => searches.mock.calls.length, { interval: 1 }).toBe(1)
  const late = [near, far].map(unacknowledgedBytes)
  expect(await Promise.all([first, ...late])).toEqual([0, 0, 0])
  expect(searches).toHaveBeenCalledTimes(2)
})

test('rests nine times as long as it has searched, a second at most', async () => {
  const { near } = await connected('127.0.0.1', '127.0.0.1')
  const begun: number[] = []
  const ended: number[] = []
  for (let round = 0; round < 5; round += 1) {
    const asked = unacknowledgedBytes(near)
    await expect.poll(() => searches.mock.calls.length, { interval: 1 }).toBe(round + 1)
    begun.push(performance.now())
    await asked
    ended.push(performance.now())
  }
  for (const [round, endMs] of ended.slice(0, -1).entries()) {
    const searchMs = endMs - (begun[round] ?? 0)
    // Timers count whole milliseconds.
    expect((begun[round + 1] ?? 0) - endMs).toBeGreaterThanOrEqual(Math.min(1_000, 9 * searchMs) - 2)
  }
})
