import { expect, test } from 'vitest'
import { AbuseCounters } from '../../src/abuse/abuse-counters.js'
import { LoginBackoff } from '../../src/abuse/login-backoff.js'
import { TrustedAddresses } from '../../src/abuse/trusted-addresses.js'
import { UserLimits } from '../../src/abuse/user-limits.js'
import { AuthService } from '../../src/auth/auth.service.js'
import { CertificateLogin } from '../../src/auth/certificate-login.js'
import { issueToken } from '../../src/auth/token-issuer.js'
import { LoginRate } from '../../src/auth/login-rate.js'
import { TicketOffice } from '../../src/auth/ticket-office.js'
import { TicketSeal } from '../../src/auth/ticket.js'
import { TokenVerifier } from '../../src/auth/token-verifier.js'
import { VerificationGate } from '../../src/auth/verification-gate.js'
import { secretVerificationKey } from '../../src/auth/verification-key.js'
import { ClusterRouter } from '../../src/cluster/cluster-router.js'
import { NodeDirectory } from '../../src/cluster/node-directory.js'
import { loadSettings } from '../../src/config/load-settings.js'
import { Settings } from '../../src/config/settings.js'
import { systemClock } from '../../src/clock.js'
import { RoomOwnership } from '../../src/log/room-ownership.js'
import { TimerWheel } from '../../src/transport/timer-wheel.js'
import { DetachedConnection } from '../sessions/detached-connection.js'
import { startSessions } from '../sessions/session-stack.js'

const SECRET = 'a secret that is long enough for HS256'
const tokenOf = (user: string): Promise<string> => issueToken({ user, role: 'user', ttlSeconds: 60 }, SECRET)

async function startAuth() {
  const key = secretVerificationKey(SECRET)
  const verifier = new TokenVerifier(key, () => ({ issuer: undefined, audience: undefined, clockToleranceMs: 0 }))
  const sessions = startSessions()
  const settings = new Settings(loadSettings({}))
  const wheel = new TimerWheel(systemClock)
  const tickets = new TicketOffice({ seal: new TicketSeal(SECRET), settings, clock: systemClock, wheel, sessions })
  const rate = new LoginRate(settings, systemClock)
  const router = new ClusterRouter(new NodeDirectory(), settings, new RoomOwnership(), { kind: 'alone' })
  const counters = new AbuseCounters()
  const backoff = new LoginBackoff(new TrustedAddresses(settings), counters, settings, systemClock)
  const limits = new UserLimits(counters, settings, systemClock)
  const gate = new VerificationGate(() => 16)
  const certificates = new CertificateLogin(settings, systemClock)
  const auth = new AuthService(verifier, certificates, gate, sessions, tickets, rate, backoff, limits, router, settings)
  return { sessions, auth }
}

test('a login opens a session and says who it is', async () => {
  const { auth, sessions } = await startAuth()
  const connection = new DetachedConnection('c1')
  const identity = await auth.login(connection, await tokenOf('alice'), 0)
  expect(identity).toMatchObject({ user: 'alice', username: 'alice', role: 'user' })
  expect(sessions.get(identity.session)?.connection).toBe(connection)
  expect(identity).toMatchObject(auth.whoami(connection))
})

test('a refresh keeps the session', async () => {
  const { auth, sessions } = await startAuth()
  const connection = new DetachedConnection('c1')
  const first = await auth.login(connection, await tokenOf('alice'), 0)
  const second = await auth.login(connection, await tokenOf('alice'), 0)
  expect([second.session, sessions.count]).toEqual([first.session, 1])
})

test('a refresh by another user is refused and changes nothing', async () => {
  const { auth } = await startAuth()
  const connection = new DetachedConnection('c1')
  const alice = await auth.login(connection, await tokenOf('alice'), 0)
  await expect(auth.login(connection, await tokenOf('bob'), 0)).rejects.toMatchObject({
    failure: { code: 'USER_MISMATCH' },
  })
  expect(alice).toMatchObject(auth.whoami(connection))
})

test('a second login while one is under way is refused', async () => {
  const { auth, sessions } = await startAuth()
  const connection = new DetachedConnection('c1')
  const token = await tokenOf('alice')
  const first = auth.login(connection, token, 0)
  await expect(auth.login(connection, token, 0)).rejects.toMatchObject({ failure: { code: 'FORBIDDEN' } })
  expect(sessions.get((await first).session)).toBeDefined()
})

test('a failed login may be tried again', async () => {
  const { auth } = await startAuth()
  const connection = new DetachedConnection('c1')
  await expect(auth.login(connection, 'nonsense', 0)).rejects.toMatchObject({ failure: { code: 'TOKEN_INVALID' } })
  expect(await auth.login(connection, await tokenOf('alice'), 0)).toMatchObject({ user: 'alice' })
})

test('a connection that closed during the check gets no session', async () => {
  const { auth, sessions } = await startAuth()
  const connection = new DetachedConnection('c1')
  const login = auth.login(connection, await tokenOf('alice'), 0)
  connection.close()
  await expect(login).rejects.toThrow('closed')
  expect(sessions.count).toBe(0)
})

test('nobody is who has not logged in', async () => {
  const { auth } = await startAuth()
  expect(() => auth.whoami(new DetachedConnection('c1'))).toThrow(/nobody is logged in/)
})
