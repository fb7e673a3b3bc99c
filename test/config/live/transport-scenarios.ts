import { expect } from 'vitest'
import { Feature } from '../../../src/protocol/constants.js'
import { encodePacket } from '../../../src/protocol/encode-packet.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { SessionsService } from '../../../src/sessions/sessions.service.js'
import type { ConnectionHandle } from '../../../src/transport/connection-handle.js'
import { startWayOut } from '../../faults/calls-that-go-wrong.js'
import { header } from '../../faults/wire-bytes.js'
import { ChatUser, request } from '../../support/chat-user.js'
import { RawClient, hello, type PacketOf } from '../../support/raw-client.js'
import { startConfigured, type ConfiguredChat } from '../config-file-app.js'
import type { LiveScenarios } from './live-scenario.js'

const MESSAGE = 'x'.repeat(20_000)

/** The head of a frame that large, and nothing behind it. */
const announces = (client: RawClient, length: number): void => client.sendBytes(header({ type: 2, length }))

/** Whole, in 1,000 bytes. */
const FRAME = ((): Buffer => {
  const withBody = (bytes: number): Buffer =>
    encodePacket({ kind: 'event', priority: 0, metadata: undefined, pattern: 'x', body: Buffer.alloc(bytes) })
  return withBody(1_000 - withBody(0).length)
})()

/** How many frames of 1,000 bytes somebody's connection takes before it says that it is full, all in one tick. */
async function framesTaken(
  chat: ConfiguredChat,
  put: (to: ConnectionHandle, frame: Buffer) => string,
): Promise<number> {
  const { granted } = await chat.connect('alice')
  const session = granted && chat.app.get(SessionsService, { strict: false }).get(granted.session)
  if (session === undefined) throw new Error('alice is not logged in')
  let count = 0
  while (put(session.connection, FRAME) === 'queued') count += 1
  return count
}

/** Time passes in steps, so that what is due late shows; `true` once it has happened. */
async function happensWithin(chat: ConfiguredChat, ms: number, hasHappened: () => boolean): Promise<boolean> {
  for (let passedMs = 0; passedMs < ms; passedMs += 250) chat.clock.advance(250)
  for (let turn = 0; turn < 100 && !hasHappened(); turn += 1) await new Promise(setImmediate)
  return hasHappened()
}

export const transportScenarios: LiveScenarios = {
  NESTWIRE_MAX_CONNECTIONS: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_CONNECTIONS: '1' })
    await chat.greeted()
    const refused = await RawClient.connect(chat.port)
    await refused.expectClosed('ServerFull')
    refused.end()
    await expect.poll(() => chat.server.connectionCount).toBe(1)
    await chat.change({ NESTWIRE_MAX_CONNECTIONS: '2' })
    await chat.greeted()
    await (await RawClient.connect(chat.port)).expectClosed('ServerFull')
  },

  NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES: '4096' })
    const announcing = async (length: number): Promise<RawClient> => {
      const client = await chat.greeted()
      announces(client, length)
      return client
    }
    await (await announcing(4_096)).expectStillConnected()
    await (await announcing(4_097)).expectClosed('FrameTooLarge')
    await chat.change({ NESTWIRE_MAX_HANDSHAKE_FRAME_BYTES: '5000' })
    await (await announcing(5_000)).expectStillConnected()
    await (await announcing(5_001)).expectClosed('FrameTooLarge')
  },

  NESTWIRE_MAX_FRAME_BYTES: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_FRAME_BYTES: '65536' })
    const [alice, bob, carol] = [await chat.connect('alice'), await chat.connect('bob'), await chat.connect('carol')]
    announces(alice, 65_537)
    await alice.expectClosed('FrameTooLarge')
    await chat.change({ NESTWIRE_MAX_FRAME_BYTES: '70000' })
    for (const user of [bob, carol]) expect((await user.expect('limits')).limits.maxFrameBytes).toBe(70_000)
    announces(bob, 70_000)
    await bob.expectStillConnected()
    announces(carol, 70_001)
    await carol.expectClosed('FrameTooLarge')
  },

  NESTWIRE_MAX_IN_FLIGHT_REQUESTS: async () => {
    const { greeted, changeLimits, clock } = await startWayOut({ maxInFlightRequests: 2 })
    const asks = async (count: number): Promise<RawClient> => {
      const client = await greeted()
      for (let n = 1; n <= count; n += 1) client.send(request('never', 0, n, 1_000))
      client.send({ kind: 'ping', correlation: 99 })
      await client.expectStillConnected()
      return client
    }
    const isPong = ({ kind }: { readonly kind: string }): boolean => kind === 'pong'
    const before = await asks(2)
    expect(before.inbox).toEqual([])
    changeLimits({ maxInFlightRequests: 3 })
    await (await asks(2)).find(isPong)
    const after = await asks(3)
    expect(after.inbox).toEqual([])
    clock.advance(2_000)
    for (const client of [before, after]) await client.find(isPong)
  },

  NESTWIRE_MAX_OUTBOX_BYTES: async () => {
    const chat = await startConfigured({ NESTWIRE_MAX_OUTBOX_BYTES: '100000' })
    const taken = () => framesTaken(chat, (connection, frame) => connection.offer(frame))
    expect(await taken()).toBe(100)
    await chat.change({ NESTWIRE_MAX_OUTBOX_BYTES: '200000' })
    expect(await taken()).toBe(200)
  },

  NESTWIRE_CONFIRM_WINDOW_BYTES: async () => {
    const chat = await startConfigured({ NESTWIRE_CONFIRM_WINDOW_BYTES: '140000' })
    const taken = () => framesTaken(chat, (connection, frame) => connection.deliver(frame))
    expect(await taken()).toBe(140)
    await chat.change({ NESTWIRE_CONFIRM_WINDOW_BYTES: '200000' })
    expect(await taken()).toBe(200)
  },

  NESTWIRE_MAX_STREAM_BUFFER_BYTES: async () => {
    const { greeted, changeLimits } = await startWayOut({ maxStreamBufferBytes: 200_000 })
    const endOfTorrent = async () => {
      const client = await greeted()
      client.send(request('torrent', 0, 1))
      return client.find(({ kind }) => kind === 'end' || kind === 'error')
    }
    expect(await endOfTorrent()).toMatchObject({ kind: 'error', code: ErrorCode.StreamOverrun })
    changeLimits({ maxStreamBufferBytes: 2_000_000 })
    expect(await endOfTorrent()).toMatchObject({ kind: 'end' })
  },

  NESTWIRE_HANDSHAKE_TIMEOUT_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_HANDSHAKE_TIMEOUT_MS: '20000' })
    const client = await chat.greeted()
    expect(await happensWithin(chat, 10_000, () => client.inbox.length > 0)).toBe(false)
    await chat.change({ NESTWIRE_HANDSHAKE_TIMEOUT_MS: '10500' })
    await happensWithin(chat, 1_500, () => client.inbox.length > 0)
    await client.expectClosed('HandshakeTimeout')
  },

  NESTWIRE_HALF_FRAME_TIMEOUT_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_HALF_FRAME_TIMEOUT_MS: '20000' })
    const alice = await chat.connect('alice')
    alice.sendBytes('deadbeef')
    await alice.expectStillConnected()
    expect(await happensWithin(chat, 10_000, () => alice.inbox.length > 0)).toBe(false)
    await chat.change({ NESTWIRE_HALF_FRAME_TIMEOUT_MS: '10500' })
    await happensWithin(chat, 1_500, () => alice.inbox.length > 0)
    await alice.expectClosed('HalfFrameTimeout')
  },

  NESTWIRE_PING_INTERVAL_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_PING_INTERVAL_MS: '20000' })
    const alice = await chat.connect('alice')
    expect(await happensWithin(chat, 10_000, () => alice.inbox.length > 0)).toBe(false)
    await chat.change({ NESTWIRE_PING_INTERVAL_MS: '10500' })
    expect((await alice.expect('limits')).limits.pingIntervalMs).toBe(10_500)
    await happensWithin(chat, 1_500, () => alice.inbox.length > 0)
    await alice.expect('ping')
  },

  NESTWIRE_IDLE_TIMEOUT_MS: async () => {
    const start = { NESTWIRE_PING_INTERVAL_MS: '2000', NESTWIRE_IDLE_TIMEOUT_MS: '30000' }
    const chat = await startConfigured(start)
    const alice = await chat.connect('alice')
    const isClosed = (): boolean => alice.inbox.some(({ kind }) => kind === 'close')
    expect(await happensWithin(chat, 10_000, isClosed)).toBe(false)
    await chat.change({ NESTWIRE_IDLE_TIMEOUT_MS: '10500' })
    await happensWithin(chat, 1_500, isClosed)
    await alice.expectClosedAtLast('IdleTimeout')
  },

  NESTWIRE_WRITE_STALL_TIMEOUT_MS: async () => {
    const patient = { NESTWIRE_CONFIRM_WINDOW_BYTES: '140000', NESTWIRE_WRITE_STALL_TIMEOUT_MS: '30000' }
    const chat = await startConfigured({ ...patient, NESTWIRE_PING_INTERVAL_MS: '59000' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    const slow = await ChatUser.login(chat.port, await chat.tokenOf('bob'), hello({ features: Feature.Positions }))
    await slow.join('lobby')
    for (let line = 0; line < 20; line += 1) await alice.says('lobby', MESSAGE)
    await alice.records('lobby', 21)
    const isGone = (): boolean => chat.sessionCount() === 1
    expect(await happensWithin(chat, 20_000, isGone)).toBe(false)
    await chat.change({ NESTWIRE_WRITE_STALL_TIMEOUT_MS: '4000' })
    expect(await happensWithin(chat, 6_000, isGone)).toBe(true)
    await slow.expectClosedAtLast('SlowConsumer')
  },

  NESTWIRE_CLOSE_LINGER_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_CLOSE_LINGER_MS: '20000' })
    const client = await chat.greeted()
    client.sendBytes('00')
    await client.expectClosed('BadMagic')
    const isGone = (): boolean => chat.server.connectionCount === 0
    expect(await happensWithin(chat, 10_000, isGone)).toBe(false)
    await chat.change({ NESTWIRE_CLOSE_LINGER_MS: '1000' })
    expect(await happensWithin(chat, 2_000, isGone)).toBe(true)
  },

  NESTWIRE_DRAIN_TIMEOUT_MS: async () => {
    const graceOf = async (drainTimeoutMs: number | undefined): Promise<number> => {
      const { greeted, server, changeLimits } = await startWayOut({ drainTimeoutMs: 20_000, closeLingerMs: 1_000 })
      const client = await greeted()
      if (drainTimeoutMs !== undefined) changeLimits({ drainTimeoutMs })
      void server.close()
      return ((await client.find(({ kind }) => kind === 'goAway')) as PacketOf<'goAway'>).deadlineMs
    }
    expect(await graceOf(undefined)).toBe(19_000)
    expect(await graceOf(10_000)).toBe(9_000)
  },
}
