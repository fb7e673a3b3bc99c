/**
 * The stage for every misfortune: Alice and Bob talk in a room of which Mallory is a member, too. Whatever happens on
 * the other connections, they hear each other, nothing else reaches them, and nothing of it stays.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect } from 'vitest'
import { VerificationGate } from '../../src/auth/verification-gate.js'
import type { CloseCode } from '../../src/protocol/close-codes.js'
import type { Environment } from '../../src/config/load-settings.js'
import { startChat, type Chat } from '../support/chat-harness.js'
import type { ChatUser } from '../support/chat-user.js'
import type { RawClient } from '../support/raw-client.js'

export interface Scene extends Chat {
  readonly alice: ChatUser
  readonly bob: ChatUser
  /** The member that does harm: logged in and following the room, anew at each call. */
  readonly mallory: () => Promise<ChatUser>
  /** Alice and Bob say something each, and both hear both. */
  readonly chatter: () => Promise<void>
  /** What the server holds for itself while nobody is there. */
  readonly idleTimers: number
}

/** Presence falls silent: only what the misfortune causes could reach the bystanders. */
const QUIET: Environment = { NESTWIRE_PRESENCE_INTERVAL_MS: '60000' }

export async function besideBystanders(
  misfortune: (scene: Scene) => Promise<void>,
  env: Environment = {},
): Promise<void> {
  const scene = await setTheScene({ ...QUIET, ...env })
  const { alice, bob, chatter, clock } = scene
  await chatter()
  const before = await footprintOf(scene)
  expect(before).toMatchObject({ connections: 2, sessions: 2, room: { members: 3, online: 2 } })
  await misfortune(scene)
  await chatter()
  await alice.expectNothing()
  await bob.expectNothing()
  await expect.poll(() => footprintOf(scene)).toEqual(before)
  alice.reset()
  bob.reset()
  await expect.poll(() => scene.server.connectionCount).toBe(0)
  expect(scene.sessionCount()).toBe(0)
  // The last presence event falls due, and nobody holds a timer any more but the server itself.
  clock.advance(120_000)
  expect(clock.timers).toBe(scene.idleTimers)
}

/** The server's end of the next connection. */
export async function nextServerSocket({ server }: Scene): Promise<Socket> {
  const [socket] = (await once(server.unwrap(), 'connection')) as [Socket]
  return socket
}

/** The offender hears this and nothing else, and hangs up. */
export async function expectEnd(client: RawClient, code: keyof typeof CloseCode): Promise<void> {
  await client.expectClosed(code)
  client.end()
}

async function setTheScene(env: Environment): Promise<Scene> {
  const chat = await startChat(env)
  const idleTimers = chat.clock.timers
  const alice = await chat.connect('alice')
  await alice.join('lobby')
  const bob = await chat.connect('bob')
  await bob.join('lobby')
  const visitor = await chat.connect('mallory')
  await visitor.join('lobby')
  visitor.reset()
  await expect.poll(() => chat.server.connectionCount).toBe(2)
  await alice.hears('lobby', ['+bob', '+mallory'])
  await bob.hears('lobby', ['+mallory'])
  chat.clock.advance(500)
  for (const person of [alice, bob]) await person.event('rooms.presence')
  const mallory = async (): Promise<ChatUser> => {
    const client = await chat.connect('mallory')
    await client.join('lobby')
    return client
  }
  return { ...chat, alice, bob, mallory, idleTimers, chatter: chatterOf(alice, bob) }
}

function chatterOf(alice: ChatUser, bob: ChatUser): () => Promise<void> {
  let round = 0
  return async () => {
    round += 1
    const lines = [`alice ${round}`, `bob ${round}`]
    await alice.says('lobby', `alice ${round}`)
    await bob.says('lobby', `bob ${round}`)
    await alice.hears('lobby', lines)
    await bob.hears('lobby', lines)
  }
}

/** Everything that somebody who is gone could have left behind. */
async function footprintOf(scene: Scene): Promise<unknown> {
  return {
    connections: scene.server.connectionCount,
    sessions: scene.sessionCount(),
    tokenChecks: scene.app.get(VerificationGate, { strict: false }).waiting,
    room: await scene.alice.request('rooms.info', { room: 'lobby' }).then(withoutSeq),
    sockets: process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length,
  }
}

const withoutSeq = (info: unknown): unknown => ({ ...(info as object), seq: undefined })
