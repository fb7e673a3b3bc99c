import { exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { expect } from 'vitest'
import { TicketSeal } from '../../../src/auth/ticket.js'
import { issueToken } from '../../../src/auth/token-issuer.js'
import { VerificationGate } from '../../../src/auth/verification-gate.js'
import { Feature } from '../../../src/protocol/constants.js'
import { temporaryFile } from '../../auth/key-files.js'
import { auth, ChatUser } from '../../support/chat-user.js'
import { hello } from '../../support/raw-client.js'
import { startConfigured, type ConfiguredChat } from '../config-file-app.js'
import type { LiveScenarios } from './live-scenario.js'

const OLD = 'the old secret of this test, which is no secret'
const NEW = 'the new secret of this test, which is no secret'
/** Nothing of it is in the environment, where it would win. */
const noSecret = { NESTWIRE_AUTH_SECRET: undefined }
const HOUR_S = 3_600

/** `authOk`, or the error. */
async function login({ greeted }: ConfiguredChat, token: string): Promise<string> {
  const client = await greeted()
  client.send(auth(token, 1))
  const answer = await client.next()
  return answer?.kind ?? 'nothing'
}

const signed = (claims: JWTPayload, key: Parameters<SignJWT['sign']>[0], alg = 'HS256'): Promise<string> =>
  new SignJWT({ sub: 'alice', exp: 4_000_000_000, ...claims }).setProtectedHeader({ alg }).sign(key)

const secret = (text: string): Uint8Array => new TextEncoder().encode(text)

async function claimScenario(
  name: 'NESTWIRE_AUTH_ISSUER' | 'NESTWIRE_AUTH_AUDIENCE',
  claim: 'iss' | 'aud',
): Promise<void> {
  const chat = await startConfigured({ NESTWIRE_AUTH_SECRET: OLD, [name]: 'one' }, noSecret)
  const [one, two] = await Promise.all(['one', 'two'].map((value) => signed({ [claim]: value }, secret(OLD))))
  const both = async () => [await login(chat, one ?? ''), await login(chat, two ?? '')]
  expect(await both()).toEqual(['authOk', 'error'])
  await chat.change({ [name]: 'two' })
  expect(await both()).toEqual(['error', 'authOk'])
}

async function comesForTicket(chat: ConfiguredChat, user: string): Promise<ChatUser> {
  const token = await chat.tokenOf(user, { ttlSeconds: 24 * HOUR_S })
  return ChatUser.login(chat.port, token, hello({ features: Feature.Resume }))
}

export const authScenarios: LiveScenarios = {
  NESTWIRE_AUTH_SECRET: async () => {
    const chat = await startConfigured({ NESTWIRE_AUTH_SECRET: OLD }, noSecret)
    const tokens = await Promise.all(
      [OLD, NEW].map((by) => issueToken({ user: 'alice', role: 'user', ttlSeconds: 60 }, by, chat.clock.now())),
    )
    const both = () => Promise.all(tokens.map((token) => login(chat, token)))
    const alice = await ChatUser.login(chat.port, tokens[0] ?? '')
    expect(await both()).toEqual(['authOk', 'error'])
    await chat.change({ NESTWIRE_AUTH_SECRET: NEW })
    expect(await both()).toEqual(['error', 'authOk'])
    await alice.expectNothing()
  },

  NESTWIRE_AUTH_PUBLIC_KEY_FILE: async () => {
    const pairs = await Promise.all([generateKeyPair('EdDSA'), generateKeyPair('EdDSA')])
    const [first = '', second = ''] = await Promise.all(
      pairs.map(async ({ publicKey }) => temporaryFile(await exportSPKI(publicKey))),
    )
    const tokens = await Promise.all(pairs.map(({ privateKey }) => signed({}, privateKey, 'EdDSA')))
    const chat = await startConfigured({ NESTWIRE_AUTH_PUBLIC_KEY_FILE: first }, noSecret)
    const both = () => Promise.all(tokens.map((token) => login(chat, token)))
    expect(await both()).toEqual(['authOk', 'error'])
    await chat.change({ NESTWIRE_AUTH_PUBLIC_KEY_FILE: second })
    expect(await both()).toEqual(['error', 'authOk'])
  },

  NESTWIRE_AUTH_ISSUER: () => claimScenario('NESTWIRE_AUTH_ISSUER', 'iss'),
  NESTWIRE_AUTH_AUDIENCE: () => claimScenario('NESTWIRE_AUTH_AUDIENCE', 'aud'),

  NESTWIRE_AUTH_CLOCK_TOLERANCE_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_AUTH_CLOCK_TOLERANCE_MS: '5000' })
    const late = (seconds: number) => chat.tokenOf('alice', { ttlSeconds: -seconds })
    const both = async () => [await login(chat, await late(4)), await login(chat, await late(8))]
    expect(await both()).toEqual(['authOk', 'error'])
    await chat.change({ NESTWIRE_AUTH_CLOCK_TOLERANCE_MS: '9000' })
    expect(await both()).toEqual(['authOk', 'authOk'])
    expect(await login(chat, await late(9))).toBe('error')
  },

  NESTWIRE_AUTH_MAX_IN_FLIGHT: async () => {
    const chat = await startConfigured({ NESTWIRE_AUTH_MAX_IN_FLIGHT: '2' })
    const gate = chat.app.get(VerificationGate, { strict: false })
    const finish: (() => void)[] = []
    const enter = (count: number): void => {
      for (let n = 0; n < count; n += 1) void gate.run(() => new Promise<void>((resolve) => finish.push(resolve)))
    }
    enter(3)
    expect(gate.waiting).toBe(1)
    await chat.change({ NESTWIRE_AUTH_MAX_IN_FLIGHT: '4' })
    finish[0]?.()
    await expect.poll(() => gate.waiting).toBe(0)
    enter(3)
    expect(gate.waiting).toBe(1)
  },

  NESTWIRE_TICKET_SECRET: async () => {
    const chat = await startConfigured({ NESTWIRE_TICKET_SECRET: OLD })
    const alice = await comesForTicket(chat, 'alice')
    expect(new TicketSeal(OLD).open(alice.ticket)).toBeDefined()
    await chat.change({ NESTWIRE_TICKET_SECRET: NEW })
    alice.reset()
    const again = await ChatUser.comeBack(chat.port, alice)
    expect(new TicketSeal(NEW).open(again.ticket)).toMatchObject({ session: alice.granted?.session })
  },

  NESTWIRE_TICKET_TTL_MS: async () => {
    const chat = await startConfigured({ NESTWIRE_TICKET_SECRET: OLD, NESTWIRE_TICKET_TTL_MS: '60000' })
    const lifeMs = async (user: string): Promise<number> => {
      const { ticket } = await comesForTicket(chat, user)
      return (new TicketSeal(OLD).open(ticket)?.expiresAtMs ?? 0) - chat.clock.now()
    }
    expect(await lifeMs('alice')).toBe(60_000)
    await chat.change({ NESTWIRE_TICKET_TTL_MS: '90000' })
    expect(await lifeMs('bob')).toBe(90_000)
  },

  NESTWIRE_LOGINS_PER_SECOND: async () => {
    const chat = await startConfigured({ NESTWIRE_LOGINS_PER_SECOND: '1' })
    const logins = async (count: number): Promise<readonly string[]> => {
      chat.clock.advance(1_000)
      const outcomes: string[] = []
      for (let n = 0; n < count; n += 1) outcomes.push(await login(chat, await chat.tokenOf(`user-${n}`)))
      return outcomes
    }
    expect(await logins(2)).toEqual(['authOk', 'close'])
    await chat.change({ NESTWIRE_LOGINS_PER_SECOND: '3' })
    expect(await logins(4)).toEqual(['authOk', 'authOk', 'authOk', 'close'])
  },

  NESTWIRE_ADMIN_ACCESS: async () => {
    const chat = await startConfigured({ NESTWIRE_ADMIN_ACCESS: 'loopback' })
    const status = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${chat.httpAddress.port}/admin/config`)).status
    expect(await status()).toBe(200)
    await chat.change({ NESTWIRE_ADMIN_ACCESS: 'token' })
    expect(await status()).toBe(401)
  },
}
