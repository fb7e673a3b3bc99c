/** Who gets a place for the handshake of TLS when there are fewer places than people, by address. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Environment } from '../../src/config/load-settings.js'
import { CertificateAuthority, isOpensslMissing } from '../support/certificate-authority.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { RawClient } from '../support/raw-client.js'

const TRUSTED = '127.0.0.1'
const CROWDED = '127.0.0.2'
const OTHER = '127.0.0.3'
const PATIENCE_MS = 1_000
/** In which the server's timers go. */
const TICK_MS = 250

interface Secured {
  readonly chat: Chat
  /** Has begun to speak TLS, and goes no further. */
  readonly comesFrom: (address: string) => Promise<Socket>
  /** The same; it has a place when this resolves. */
  readonly stuckFrom: (address: string) => Promise<Socket>
  /** The same, for whom there is no place, and none is made. */
  readonly waitsFrom: (address: string) => Promise<Socket>
  /** Past WELCOME. */
  readonly greetedFrom: (address: string) => Promise<RawClient>
  readonly expectCounts: (counts: { underWay: number; gaveWay: number; timedOut: number }) => void
}

async function startSecured(places: number, env: Environment = {}): Promise<Secured> {
  const authority = await CertificateAuthority.make()
  const [{ certFile, keyFile }, ca] = await Promise.all([authority.issue('IP:127.0.0.1'), authority.ca()])
  const chat = await startChat({
    NESTWIRE_TLS_CERT_FILE: certFile,
    NESTWIRE_TLS_KEY_FILE: keyFile,
    NESTWIRE_TRUSTED_ADDRESSES: TRUSTED,
    NESTWIRE_MAX_TLS_HANDSHAKES: String(places),
    ...env,
  })
  const { port, server } = chat
  const bystander = await RawClient.greeted(port, { ca })
  const comesFrom = async (address: string): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: address })
    socket.on('error', () => undefined)
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    socket.write(Buffer.from('160301', 'hex'))
    return socket
  }
  return {
    chat,
    comesFrom,
    stuckFrom: async (address) => {
      const before = server.tlsCounters.underWay
      const socket = await comesFrom(address)
      await expect.poll(() => server.tlsCounters.underWay).toBe(before + 1)
      return socket
    },
    waitsFrom: async (address) => {
      const before = server.connectionCount
      const socket = await comesFrom(address)
      await expect.poll(() => server.connectionCount).toBe(before + 1)
      // It has been read meanwhile.
      await bystander.expectNothing()
      await bystander.expectNothing()
      return socket
    },
    greetedFrom: (address) => RawClient.greeted(port, { ca }, address),
    expectCounts: (counts) => expect(server.tlsCounters).toMatchObject(counts),
  }
}

const gone = async (socket: Socket): Promise<void> => {
  if (!socket.resume().closed) await once(socket, 'close')
}

describe.skipIf(isOpensslMissing)('places for handshakes of TLS', () => {
  test('an address that is alone has all of them, and gives none of its own away at once', async () => {
    const { stuckFrom, waitsFrom, expectCounts } = await startSecured(3)
    for (let count = 0; count < 3; count += 1) await stuckFrom(CROWDED)
    await waitsFrom(CROWDED)
    expectCounts({ underWay: 3, gaveWay: 0, timedOut: 0 })
  })

  test('who comes from elsewhere takes the oldest of whoever holds the most', async () => {
    const { stuckFrom, greetedFrom, expectCounts } = await startSecured(4)
    const other = await stuckFrom(OTHER)
    const oldest = await stuckFrom(CROWDED)
    const newer = [await stuckFrom(CROWDED), await stuckFrom(CROWDED)]
    await greetedFrom('127.0.0.4')
    await gone(oldest)
    expectCounts({ underWay: 3, gaveWay: 1, timedOut: 0 })
    expect([other, ...newer].map(({ closed }) => closed)).toEqual([false, false, false])
  })

  test('an address that holds two fewer gets in, and one that holds one fewer waits a second', async () => {
    const { chat, comesFrom, stuckFrom, waitsFrom, expectCounts } = await startSecured(4)
    for (let count = 0; count < 3; count += 1) await stuckFrom(CROWDED)
    await stuckFrom(OTHER)
    await comesFrom(OTHER)
    await expect.poll(() => chat.server.tlsCounters.gaveWay).toBe(1)
    expectCounts({ underWay: 4, gaveWay: 1, timedOut: 0 })
    // Two and two now.
    await waitsFrom(OTHER)
    chat.clock.advance(PATIENCE_MS - TICK_MS)
    await waitsFrom(CROWDED)
    expectCounts({ underWay: 4, gaveWay: 1, timedOut: 0 })
    chat.clock.advance(2 * TICK_MS)
    await expect.poll(() => chat.server.tlsCounters.timedOut).toBeGreaterThan(0)
  })

  test('one waits from an address that holds few, and is before the many of another', async () => {
    const { stuckFrom, waitsFrom, greetedFrom, chat, expectCounts } = await startSecured(3)
    const held = [await stuckFrom(CROWDED), await stuckFrom(CROWDED)]
    const other = await stuckFrom(OTHER)
    for (let count = 0; count < 5; count += 1) await waitsFrom(CROWDED)
    const second = greetedFrom(OTHER)
    await expect.poll(() => chat.server.connectionCount).toBe(10)
    expectCounts({ underWay: 3, gaveWay: 0, timedOut: 0 })
    other.destroy()
    await second
    expect(held.map(({ closed }) => closed)).toEqual([false, false])
    // Then one of the many has the place.
    await expect.poll(() => chat.server.tlsCounters.underWay).toBe(3)
    expectCounts({ underWay: 3, gaveWay: 0, timedOut: 0 })
  })

  test('a trusted address is as many as come from it', async () => {
    const { chat, stuckFrom, waitsFrom, greetedFrom, expectCounts } = await startSecured(3)
    for (let count = 0; count < 3; count += 1) await stuckFrom(TRUSTED)
    const fromOther = greetedFrom(OTHER)
    await expect.poll(() => chat.server.connectionCount).toBe(5)
    await waitsFrom(TRUSTED)
    expectCounts({ underWay: 3, gaveWay: 0, timedOut: 0 })
    chat.clock.advance(PATIENCE_MS + TICK_MS)
    await fromOther
    expect(chat.server.tlsCounters.gaveWay).toBe(0)
  })

  test('who comes from a trusted address takes a place of whoever holds two', async () => {
    const { stuckFrom, greetedFrom, expectCounts } = await startSecured(3)
    const oldest = await stuckFrom(CROWDED)
    await stuckFrom(CROWDED)
    await stuckFrom(TRUSTED)
    await greetedFrom(TRUSTED)
    await gone(oldest)
    expectCounts({ underWay: 2, gaveWay: 1, timedOut: 0 })
  })

  test('all who are refused, wherever they come from, are as one address', async () => {
    const { stuckFrom, greetedFrom, expectCounts } = await startSecured(4, {
      NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1',
    })
    const held = [await stuckFrom(CROWDED), await stuckFrom(OTHER)]
    const oldestRefused = await stuckFrom(CROWDED)
    await stuckFrom(OTHER)
    await greetedFrom('127.0.0.4')
    await gone(oldestRefused)
    expectCounts({ underWay: 3, gaveWay: 1, timedOut: 0 })
    expect(held.map(({ closed }) => closed)).toEqual([false, false])
  })
})
