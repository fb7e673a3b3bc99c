/** Tickets that are forged, foreign, expired, used up or revoked: each is answered with its code and harms nobody. */
import { expect, test } from 'vitest'
import { TicketSeal } from '../../src/auth/ticket.js'
import { Feature } from '../../src/protocol/constants.js'
import { ChatUser, resume } from '../support/chat-user.js'
import { hello, type RawClient } from '../support/raw-client.js'
import { besideBystanders, type Scene } from './bystanders.js'

const SECRET = 'the secret that tickets are sealed with here'
const TTL_MS = 20_000
const env = { NESTWIRE_TICKET_SECRET: SECRET, NESTWIRE_TICKET_TTL_MS: String(TTL_MS) }

const ticketOf = async ({ port, tokenOf }: Scene): Promise<ChatUser> =>
  ChatUser.login(port, await tokenOf('mallory', { ttlSeconds: 600 }), hello({ features: Feature.Resume }))

async function gone({ server }: Scene, ...clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) client.reset()
  await expect.poll(() => server.connectionCount).toBe(2)
}

/** The ticket is refused, and on the same connection a token is good. */
async function expectRefused(scene: Scene, ticket: Buffer): Promise<void> {
  const client = await ChatUser.greetedForResume(scene.port)
  expect(await client.refusalOf((correlation) => resume(ticket, [], correlation))).toBe('TICKET_INVALID')
  expect(scene.sessionCount()).toBe(2)
  const { user, session } = await client.authenticate(await scene.tokenOf('mallory'))
  expect(user).toBe('mallory')
  expect(session).not.toBe(new TicketSeal(SECRET).open(ticket)?.session)
  await gone(scene, client)
}

test('made up', () =>
  besideBystanders(async (scene) => {
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(1), Buffer.alloc(32), Buffer.alloc(3_000, 7)]) {
      await expectRefused(scene, bytes)
    }
  }, env))

test('with the name of another user in it', () =>
  besideBystanders(async (scene) => {
    const mallory = await ticketOf(scene)
    const forged = Buffer.from(mallory.ticket)
    const at = forged.indexOf('mallory')
    expect(at).toBeGreaterThan(0)
    forged.write('alice..', at)
    await gone(scene, mallory)
    await expectRefused(scene, forged)
  }, env))

test('of a server with another secret', () =>
  besideBystanders(async (scene) => {
    const mallory = await ticketOf(scene)
    const content = new TicketSeal(SECRET).open(mallory.ticket)
    if (content === undefined) throw new Error('not sealed with the secret of the settings')
    await gone(scene, mallory)
    await expectRefused(scene, new TicketSeal(`${SECRET}, elsewhere`).seal(content))
  }, env))

test('that is past its time', () =>
  besideBystanders(async (scene) => {
    const mallory = await ticketOf(scene)
    await gone(scene, mallory)
    scene.clock.advance(TTL_MS)
    await expectRefused(scene, mallory.ticket)
  }, env))

test('that another one was taken for', () =>
  besideBystanders(async (scene) => {
    const mallory = await ticketOf(scene)
    await gone(scene, mallory)
    const back = await ChatUser.comeBack(scene.port, mallory)
    await back.showsTicket()
    await gone(scene, back)
    await expectRefused(scene, mallory.ticket)
    // The one that was taken for it is not harmed by the replay.
    await gone(scene, await ChatUser.comeBack(scene.port, back))
  }, env))

test('of a session that was ended', () =>
  besideBystanders(async (scene) => {
    const mallory = await ticketOf(scene)
    const root = await scene.connect('root', { role: 'admin' })
    await root.request('auth.revoke', { session: mallory.granted?.session })
    await mallory.expectClosed('SessionRevoked')
    await gone(scene, root, mallory)
    await expectRefused(scene, mallory.ticket)
  }, env))

test('a thousand made up on one connection, and then a token', () =>
  besideBystanders(async (scene) => {
    const client = await ChatUser.greetedForResume(scene.port)
    client.send(...Array.from({ length: 1_000 }, (_, index) => resume(Buffer.alloc(300, index), [], index + 1)))
    await expect.poll(() => client.inbox.length).toBe(1_000)
    expect(new Set(client.inbox.map(({ kind }) => kind))).toEqual(new Set(['error']))
    client.inbox.length = 0
    await client.authenticate(await scene.tokenOf('mallory'))
    await gone(scene, client)
  }, env))
