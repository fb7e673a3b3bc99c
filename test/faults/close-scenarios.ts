/** For each close code somebody who is about to hear it. */
import { expect } from 'vitest'
import type { CloseCode } from '../../src/protocol/close-codes.js'
import { Feature } from '../../src/protocol/constants.js'
import { encodePacket } from '../../src/protocol/encode-packet.js'
import type { Packet } from '../../src/protocol/packets.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import { ChatUser, auth, join, request, resume } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'
import { startWayOut } from './calls-that-go-wrong.js'
import { frame, header, payloadOf } from './wire-bytes.js'

const ping: Packet = { kind: 'ping', correlation: 9 }

async function sending(...packets: Packet[]): Promise<RawClient> {
  const client = await (await startWayOut()).greeted()
  client.send(...packets)
  return client
}

async function sendingBytes(...bytes: readonly Buffer[]): Promise<RawClient> {
  const client = await (await startWayOut()).greeted()
  client.sendBytes(Buffer.concat(bytes))
  return client
}

async function loginWith(chat: Chat, token: string): Promise<RawClient> {
  const client = await chat.greeted()
  client.send(auth(token, 1))
  return client
}

async function notReading(): Promise<RawClient> {
  const chat = await startChat({ NESTWIRE_WRITE_STALL_TIMEOUT_MS: '4000' })
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('lobby')
  await bob.join('lobby')
  alice.stopReading()
  // The kernel takes some megabytes of a frozen reader before its socket stalls.
  for (let said = 0; chat.sessionCount() === 2; said += 1) {
    await bob.says('lobby', 'x'.repeat(30_000))
    if (said % 100 === 99) chat.clock.advance(1_000)
  }
  alice.startReading()
  return alice
}

export const closeScenarios: Readonly<Record<keyof typeof CloseCode, () => Promise<RawClient>>> = {
  Normal: () => sending({ kind: 'close', code: 1000, retryAfterMs: 0, target: '', message: '' }),
  TokenExpired: async () => {
    const chat = await startChat()
    const alice = await chat.connect('alice', { ttlSeconds: 1 })
    chat.clock.advance(10_000)
    return alice
  },
  IdleTimeout: async () => {
    const { greeted, clock } = await startWayOut({ pingIntervalMs: 1_000, idleTimeoutMs: 2_000 })
    const client = await greeted()
    clock.advance(2_500)
    return client
  },
  ServerFull: async () => {
    const { greeted, connect } = await startWayOut({ maxConnections: 1 })
    await greeted()
    return connect()
  },
  ShuttingDown: async () => {
    const { greeted, server } = await startWayOut()
    const client = await greeted()
    void server.close()
    return client
  },
  SlowConsumer: notReading,
  HandshakeTimeout: async () => {
    const { connect, clock, server } = await startWayOut({ handshakeTimeoutMs: 1_000 })
    const client = await connect()
    await expect.poll(() => server.connectionCount).toBe(1)
    clock.advance(1_500)
    return client
  },
  HalfFrameTimeout: async () => {
    const { greeted, clock } = await startWayOut({ halfFrameTimeoutMs: 1_000 })
    const client = await greeted()
    client.sendBytes(Buffer.concat([encodePacket(ping), encodePacket(ping).subarray(0, 5)]))
    await client.expect('pong')
    clock.advance(1_500)
    return client
  },
  InternalError: () => sending(join('lobby', 1)),
  TooManyLogins: async () => {
    const chat = await startChat({ NESTWIRE_LOGINS_PER_SECOND: '1' })
    await chat.connect('alice')
    return loginWith(chat, await chat.tokenOf('bob'))
  },
  TooManyConnections: async () => {
    const chat = await startChat({ NESTWIRE_TRUSTED_ADDRESSES: 'none', NESTWIRE_MAX_CONNECTIONS_PER_ADDRESS: '1' })
    await chat.greeted()
    return RawClient.connect(chat.port)
  },
  BackedOff: async () => {
    const chat = await startChat({ NESTWIRE_TRUSTED_ADDRESSES: 'none', NESTWIRE_AUTH_FAILURES_PER_MINUTE: '1' })
    await (await loginWith(chat, 'nonsense')).expectClosedAtLast('AuthRejected')
    return RawClient.connect(chat.port)
  },
  BelongsElsewhere: () => sending(request('elsewhere', 0, 1)),
  BadMagic: () => sendingBytes(Buffer.of(0)),
  BadFrameVersion: () => sendingBytes(header({ version: 2, type: 1, length: 6 })),
  BadFrameType: () => sendingBytes(header({ type: 3, length: 6 })),
  FrameTooLarge: () => sendingBytes(header({ type: 1, length: 65_537 })),
  TruncatedPacket: () => sendingBytes(frame(1, payloadOf(ping).subarray(0, 5))),
  TrailingBytes: () =>
    sendingBytes(frame(1, payloadOf(ping)), frame(1, Buffer.concat([payloadOf(ping), Buffer.of(0)]))),
  EofInFrame: async () => {
    const client = await sendingBytes(encodePacket(ping).subarray(0, 20))
    client.end()
    return client
  },
  UnknownOperation: () => sendingBytes(frame(1, Buffer.of(0x3f, 0, 0, 0, 0, 0))),
  WrongFrameType: () => sendingBytes(frame(2, payloadOf(ping))),
  BadField: () => sendingBytes(frame(1, Buffer.of(0x05, 0, 0, 0, 0, 0))),
  NoCommonVersion: async () => {
    const client = await (await startWayOut()).connect()
    client.send(hello({ minVersion: 2, maxVersion: 2 }))
    return client
  },
  OutOfState: () => sending(hello()),
  AuthRejected: async () => loginWith(await startChat(), 'nonsense'),
  TakenOver: async () => {
    const chat = await startChat()
    const greeting = hello({ features: Feature.Resume })
    const alice = await ChatUser.login(chat.port, await chat.tokenOf('alice'), greeting)
    const other = await RawClient.connect(chat.port)
    other.send(greeting, resume(alice.ticket, [], 1))
    return alice
  },
  SessionRevoked: async () => {
    const chat = await startChat()
    const [alice, admin] = [await chat.connect('alice'), await chat.connect('root', { role: 'admin' })]
    await admin.request('auth.revoke', { session: alice.granted?.session })
    return alice
  },
  CorrelationInUse: () => sending(request('never', 0, 1), request('never', 0, 1)),
}
