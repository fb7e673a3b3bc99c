import { describe, expect, test } from 'vitest'
import { decodeBody, encodeBody } from '../../src/protocol/body.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { WireRole, type Packet } from '../../src/protocol/packets.js'
import { SessionsService } from '../../src/sessions/sessions.service.js'
import type { RawClient } from '../support/raw-client.js'
import { runApp } from '../support/running-app.js'

const auth = (token: string, correlation = 1): Packet => ({ kind: 'auth', correlation, redirects: 0, token })
const request = (pattern: string, data: unknown, correlation = 2): Packet => ({
  kind: 'request',
  correlation,
  priority: 0,
  deadlineMs: undefined,
  metadata: undefined,
  pattern,
  body: encodeBody(data),
})
const ask = async (client: RawClient, pattern: string, data: unknown): Promise<unknown> =>
  decodeBody((await client.ask(request(pattern, data), 'reply')).body)

describe('AUTH', () => {
  test('is answered with user, session, role and expiry', async () => {
    const { greeted, tokenOf } = await runApp()
    const client = await greeted()
    const before = Date.now()
    const answer = await client.ask(auth(await tokenOf('alice', { role: 'service' })), 'authOk')
    expect(answer).toMatchObject({ correlation: 1, user: 'alice', role: WireRole.Service, dedupWindowMs: 120_000 })
    expect(answer.ticket).toHaveLength(0)
    expect(Buffer.from(answer.session, 'base64url')).toHaveLength(16)
    expect(answer.expiresAtMs).toBeGreaterThan(before + 50_000)
  })

  test('with a bad token is answered and ends the connection', async () => {
    const { greeted, app } = await runApp()
    const client = await greeted()
    const answer = await client.ask(auth('nonsense'), 'error')
    expect(answer).toMatchObject({ correlation: 1, code: ErrorCode.TokenInvalid, message: 'not a token' })
    await client.expectClosed('AuthRejected')
    expect(app.get(SessionsService, { strict: false }).count).toBe(0)
  })

  test('with an expired token says so', async () => {
    const { greeted, tokenOf } = await runApp()
    const client = await greeted()
    const answer = await client.ask(auth(await tokenOf('alice', { ttlSeconds: -60 })), 'error')
    expect(answer.code).toBe(ErrorCode.TokenExpired)
    await client.expectClosed('AuthRejected')
  })

  test('again keeps the session and moves the expiry', async () => {
    const { greeted, tokenOf } = await runApp()
    const client = await greeted()
    const first = await client.ask(auth(await tokenOf('alice')), 'authOk')
    const second = await client.ask(auth(await tokenOf('alice', { ttlSeconds: 600 }), 2), 'authOk')
    expect(second.session).toBe(first.session)
    expect(second.expiresAtMs).toBeGreaterThan(first.expiresAtMs)
  })

  test('by another user is refused and changes nothing', async () => {
    const { greeted, tokenOf } = await runApp()
    const client = await greeted()
    await client.ask(auth(await tokenOf('alice')), 'authOk')
    const answer = await client.ask(auth(await tokenOf('bob'), 2), 'error')
    expect(answer).toMatchObject({ correlation: 2, code: ErrorCode.UserMismatch })
    expect(await ask(client, 'auth.whoami', {})).toMatchObject({ user: 'alice' })
  })

  test('of two devices opens two sessions, of which hang-ups leave nothing', async () => {
    const { greeted, tokenOf, app } = await runApp()
    const sessions = app.get(SessionsService, { strict: false })
    const [phone, laptop] = [await greeted(), await greeted()]
    const first = await phone.ask(auth(await tokenOf('alice')), 'authOk')
    await laptop.ask(auth(await tokenOf('alice')), 'authOk')
    expect(sessions.of(first.user)).toHaveLength(2)
    const over = new Promise<void>((resolve) => sessions.onClosed(() => sessions.count === 0 && resolve()))
    phone.reset()
    laptop.end()
    await over
    expect(sessions.of(first.user)).toEqual([])
  })
})

describe('auth.login and auth.whoami', () => {
  test('whoami tells the identity of the caller', async () => {
    const { greeted, tokenOf } = await runApp()
    const client = await greeted()
    const { session, expiresAtMs } = await client.ask(auth(await tokenOf('alice', { username: 'Alice A.' })), 'authOk')
    const identity = { user: 'alice', username: 'Alice A.', session, role: 'user', expiresAtMs }
    expect(await ask(client, 'auth.whoami', undefined)).toEqual(identity)
    expect(await ask(client, 'auth.whoami', {})).toEqual(identity)
  })

  test('login as a request refreshes like AUTH', async () => {
    const { greeted, tokenOf } = await runApp()
    const client = await greeted()
    const { session } = await client.ask(auth(await tokenOf('alice')), 'authOk')
    expect(await ask(client, 'auth.login', { token: await tokenOf('alice') })).toMatchObject({ user: 'alice', session })
  })

  test.each([[{}], [{ token: 7 }], [{ token: 'x', more: 1 }], ['x'], [null], [undefined]])(
    'login with %j is a bad payload',
    async (data) => {
      const { greeted, tokenOf } = await runApp()
      const client = await greeted()
      await client.ask(auth(await tokenOf('alice')), 'authOk')
      const answer = await client.ask(request('auth.login', data), 'error')
      expect(answer.code).toBe(ErrorCode.BadPayload)
      expect(decodeBody(answer.body)).toEqual(
        expect.arrayContaining([expect.objectContaining({ message: expect.any(String) })]),
      )
    },
  )
})
