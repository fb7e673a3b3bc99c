import { expect, test } from 'vitest'
import { VerificationGate } from '../../src/auth/verification-gate.js'
import { runApp } from '../support/running-app.js'
import { askAdmin, bearer } from './admin-client.js'

const CONFIG = '/admin/config'
const TOKEN_ONLY = { NESTWIRE_ADMIN_ACCESS: 'token' }
const TOKEN_REQUIRED = { status: 401, body: { code: 'TOKEN_REQUIRED', message: expect.any(String) } }

test('a program on this machine needs no token', async () => {
  expect((await askAdmin(await runApp(), CONFIG)).status).toBe(200)
})

test.each([{ origin: 'http://localhost:7421' }, { host: 'rebound.example.org' }, { 'x-forwarded-for': '10.0.0.1' }])(
  'with %j it may be somebody else, who needs one',
  async (headers) => {
    const app = await runApp()
    for (const method of ['GET', 'POST'] as const) {
      expect(await askAdmin(app, CONFIG, { method, headers })).toEqual(TOKEN_REQUIRED)
    }
    const token = bearer(await app.tokenOf('root', { role: 'admin' }))
    expect((await askAdmin(app, CONFIG, { headers: { ...headers, ...token } })).status).toBe(200)
  },
)

test('where only tokens count, a program on this machine needs one, too', async () => {
  const app = await runApp(TOKEN_ONLY)
  expect(await askAdmin(app, CONFIG)).toEqual(TOKEN_REQUIRED)
  const headers = bearer(await app.tokenOf('root', { role: 'admin' }))
  expect((await askAdmin(app, CONFIG, { headers })).status).toBe(200)
})

test.each(['user', 'service'] as const)('a token of role %s is not enough, wherever it comes from', async (role) => {
  const app = await runApp()
  const headers = bearer(await app.tokenOf('alice', { role }))
  expect(await askAdmin(app, CONFIG, { headers })).toEqual({
    status: 403,
    body: { code: 'FORBIDDEN', message: 'needs the role admin' },
  })
})

test('a token that does not count is refused, and told why', async () => {
  const app = await runApp()
  const late = await app.tokenOf('root', { role: 'admin', ttlSeconds: -60 })
  expect(await askAdmin(app, CONFIG, { headers: bearer(late) })).toMatchObject({
    status: 401,
    body: { code: 'TOKEN_EXPIRED' },
  })
  for (const authorization of ['Bearer nonsense', 'Bearer ', 'Basic cm9vdDpyb290', `Token ${late}`]) {
    const answer = await askAdmin(app, CONFIG, { headers: { authorization } })
    expect(answer).toMatchObject({ status: 401, body: { code: 'TOKEN_INVALID' } })
  }
})

test('the seventeenth token at once has to come back, and strangers fill no line of those who log in', async () => {
  const app = await runApp({ NESTWIRE_AUTH_MAX_IN_FLIGHT: '1' })
  const gate = app.app.get(VerificationGate, { strict: false })
  let open: () => void = () => undefined
  void gate.run(() => new Promise<void>((resolve) => (open = resolve)))
  const headers = bearer(await app.tokenOf('root', { role: 'admin' }))
  const answers = Array.from({ length: 16 }, () => askAdmin(app, CONFIG, { headers }))
  await expect.poll(() => gate.waiting).toBe(16)
  expect(await askAdmin(app, CONFIG, { headers })).toMatchObject({ status: 503, body: { code: 'RATE_LIMITED' } })
  open()
  for (const { status } of await Promise.all(answers)) expect(status).toBe(200)
})
