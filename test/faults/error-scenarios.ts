/** For each error code somebody who is about to hear it. */
import { join as pathOf } from 'node:path'
import { Feature } from '../../src/protocol/constants.js'
import type { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Packet } from '../../src/protocol/packets.js'
import type { Environment } from '../../src/config/load-settings.js'
import type { TokenRequest } from '../../src/auth/token-issuer.js'
import { fillDiskUnder } from '../support/broken-disk.js'
import { startChat } from '../support/chat-harness.js'
import { auth, join, publish, request, resume, type ChatUser } from '../support/chat-user.js'
import { RawClient, hello } from '../support/raw-client.js'
import { startWayOut } from './calls-that-go-wrong.js'

const CORRELATION = 500

/** A call without chat. */
async function calling(packet: Packet): Promise<RawClient> {
  const client = await (await startWayOut()).greeted()
  client.send(packet)
  return client
}

/** The owner of the lobby and a member of it. */
async function inLobby(env: Environment = {}): Promise<{ alice: ChatUser; bob: ChatUser }> {
  const chat = await startChat(env)
  const [alice, bob] = [await chat.connect('alice'), await chat.connect('bob')]
  await alice.join('lobby')
  return { alice, bob }
}

async function inChat(packet: Packet, env: Environment = {}): Promise<RawClient> {
  const { alice } = await inLobby(env)
  alice.send(packet)
  return alice
}

async function loggingIn(user: string, over: Partial<TokenRequest>): Promise<RawClient> {
  const chat = await startChat()
  const client = await chat.greeted()
  client.send(auth(await chat.tokenOf(user, over), CORRELATION))
  return client
}

export const errorScenarios: Readonly<Record<keyof typeof ErrorCode, () => Promise<RawClient>>> = {
  Application: () => calling(request('refuse', 0, CORRELATION)),
  NoHandler: () => calling(request('nobody.home', 0, CORRELATION)),
  BadBody: () => calling({ ...request('never', 0, CORRELATION), body: Buffer.of(0xc1) } as Packet),
  BadPayload: () => inChat(request('rooms.info', { rome: 1 }, CORRELATION)),
  TokenInvalid: () => loggingIn(' nobody', {}),
  TokenExpired: () => loggingIn('alice', { ttlSeconds: -60 }),
  UserMismatch: async () => {
    const chat = await startChat()
    const alice = await chat.connect('alice')
    alice.send(auth(await chat.tokenOf('bob'), CORRELATION))
    return alice
  },
  Forbidden: async () => {
    const { bob } = await inLobby()
    await bob.join('lobby')
    bob.send(request('rooms.kick', { room: 'lobby', user: 'alice' }, CORRELATION))
    return bob
  },
  RoomNotFound: () => inChat(publish('nowhere', 'hello?', CORRELATION)),
  RoomExists: () => inChat(request('rooms.create', { room: 'lobby' }, CORRELATION)),
  NotAMember: async () => {
    const { bob } = await inLobby()
    bob.send(publish('lobby', 'let me in', CORRELATION))
    return bob
  },
  Banned: async () => {
    const { alice, bob } = await inLobby()
    await alice.request('rooms.ban', { room: 'lobby', user: 'bob' })
    bob.send(join('lobby', CORRELATION))
    return bob
  },
  TooManyRooms: () => inChat(join('second', CORRELATION), { NESTWIRE_MAX_ROOMS_PER_CONNECTION: '1' }),
  Backpressure: async () => {
    const { alice } = await inLobby({ NESTWIRE_LANE_MAX_MESSAGES: '1' })
    // All in one write, so that nothing is delivered in between: normal takes its lane's only place, the next is
    // degraded to the low lane's, and for the third there is none.
    alice.send(publish('lobby', 'normal', 1), publish('lobby', 'degraded', 2), publish('lobby', 'refused', CORRELATION))
    return alice
  },
  TicketInvalid: async () => {
    const client = await RawClient.connect((await startChat()).port)
    client.send(hello({ features: Feature.Resume }), resume(Buffer.alloc(100), [], CORRELATION))
    return client
  },
  RateLimited: async () => {
    const { alice } = await inLobby({ NESTWIRE_PUBLISH_MESSAGES_PER_SECOND: '1' })
    alice.send(publish('lobby', 'first', 1), publish('lobby', 'too soon', CORRELATION))
    return alice
  },
  MessageTooLarge: () => inChat(publish('lobby', 'xx', CORRELATION), { NESTWIRE_MAX_MESSAGE_BYTES: '1' }),
  DeadlineExceeded: async () => {
    const { greeted, clock } = await startWayOut()
    const client = await greeted()
    client.send(request('never', 0, CORRELATION, 1_000))
    await client.settled()
    clock.advance(1_500)
    return client
  },
  Draining: async () => {
    const { greeted, server } = await startWayOut()
    const client = await greeted()
    client.send(request('never', 0, CORRELATION - 1))
    await client.settled()
    void server.close()
    client.send(request('refuse', 0, CORRELATION))
    return client
  },
  Internal: () => calling(request('too-big', 0, CORRELATION)),
  FeatureOff: async () => {
    const client = await (await startChat()).greeted()
    client.send({ kind: 'resume', correlation: CORRELATION, redirects: 0, ticket: Buffer.alloc(0), positions: [] })
    return client
  },
  StreamOverrun: async () => {
    const client = await (await startWayOut({ maxStreamBufferBytes: 200_000 })).greeted()
    client.send(request('torrent', 0, CORRELATION))
    return client
  },
  RoomFull: async () => {
    const { bob } = await inLobby({ NESTWIRE_MAX_MEMBERS_PER_ROOM: '1' })
    bob.send(join('lobby', CORRELATION))
    return bob
  },
  LogUnavailable: async () => {
    const { alice } = await inLobby({ NESTWIRE_LOG_ENGINE: 'lmdb', NESTWIRE_LOG_MAX_BYTES: String(1024 * 1024) })
    for (let count = 0; count < 33; count += 1) await alice.says('lobby', 'x'.repeat(32_000))
    alice.send(publish('lobby', 'one too many', CORRELATION))
    return alice
  },
  OutcomeUnknown: () =>
    inChat({ ...publish('lobby', 'long ago', CORRELATION), ageMs: 2 ** 32 - 1 } as Packet, {
      NESTWIRE_DEDUP_WINDOW_MS: '1000',
    }),
  CommitFailed: async () => {
    const chat = await startChat({ NESTWIRE_LOG_ENGINE: 'lmdb' })
    const alice = await chat.connect('alice')
    await alice.join('lobby')
    await fillDiskUnder(pathOf(chat.settings.current.storage.dataDir, 'log'))
    alice.send(publish('lobby', 'is this on disk?', CORRELATION))
    return alice
  },
}
